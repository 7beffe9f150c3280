// Package process reports what the operating system knows about this process: the memory it uses and the memory it may
// use. One file has what is specific to Linux; elsewhere the Go runtime's own figures are used. The functions read
// small files and may be called from any goroutine.
package process

import (
	"runtime/metrics"

	"golang.org/x/sys/unix"
)

// Memory is the memory that the process uses.
type Memory struct {
	Resident uint64 // now
	Peak     uint64 // the most so far, or a little more; 0 if unknown
	Heap     uint64 // the objects on the Go heap, live or not yet swept
}

// ReadMemory reads the current figures. The process's files in memory, of the given size, count once; in what the system
// reports as resident a page of theirs counts for each mapping, and not at all without one.
func ReadMemory(files uint64) Memory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	m := Memory{Heap: samples[0].Value.Uint64()}
	var ok bool
	if m.Resident, m.Peak, ok = resident(files); !ok {
		m.Resident = samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	return m
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
