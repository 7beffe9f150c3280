// Package process reports what the operating system knows about this process: the memory it uses and the memory it may
// use. One file has what is specific to Linux; elsewhere the Go runtime's own figures are used. The functions read
// small files and may be called from any goroutine.
package process

import (
	"runtime/metrics"
	"sync"

	"golang.org/x/sys/unix"
)

// Memory is the memory that the process uses.
type Memory struct {
	Resident uint64 // now
	Peak     uint64 // the most so far, or a little more; 0 if unknown
	Heap     uint64 // the objects on the Go heap, live or not yet swept
}

// MemoryReader reads the memory of the process, now and then. It is safe for concurrent use.
type MemoryReader struct {
	mu       sync.Mutex
	most     uint64 // that was resident at a reading
	repeated uint64 // the most that the system has counted more than once
}

// resident is what the system reports.
type resident struct {
	now, peak uint64 // a page of a file in memory counts for each mapping, and not at all without one
	files     uint64 // the part of now in mappings of files in memory
}

// Read reads the current figures. The process's files in memory, of the given size, count once.
func (r *MemoryReader) Read(files uint64) Memory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	m := Memory{Heap: samples[0].Value.Uint64()}
	if reported, ok := readResident(); ok {
		m.Resident, m.Peak = r.count(reported, files)
	} else {
		m.Resident = samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	return m
}

// count counts files once. How often they were counted when the system's peak was reached is not known, so the peak is what
// it would be with as much as at any reading, or what was resident at one.
func (r *MemoryReader) count(reported resident, files uint64) (now, peak uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now = reported.now - min(reported.files, reported.now) + files
	r.most = max(r.most, now)
	r.repeated = max(r.repeated, reported.files-min(files, reported.files))
	return now, max(r.most, reported.peak-min(r.repeated, reported.peak))
}

// Descriptors returns how many file descriptors the process may have. The Go runtime has raised the soft limit to
// the hard one.
func Descriptors() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int64(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // Cur is signed on some platforms
}

// fallbackMachine is assumed if the size of the machine's memory is unknown.
const fallbackMachine = 4 << 30

// MachineMemory returns the memory that the process may use: the machine's, or less if a control group limits it.
func MachineMemory() uint64 {
	if n, ok := machine(); ok {
		return n
	}
	return fallbackMachine
}
