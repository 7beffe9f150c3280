// Package process tells what the operating system knows of this process: the memory it takes up
// and the memory it may take up. What is Linux-only is in one file; elsewhere the Go runtime's own
// figures stand in. The functions are safe for use by many goroutines and read small files.
package process

import (
	"runtime/metrics"

	"golang.org/x/sys/unix"
)

// Memory is what the process takes up.
type Memory struct {
	Resident uint64 // now
	Peak     uint64 // the most so far; 0 if that is not known
	Heap     uint64 // the objects on the Go heap, live or not yet swept
}

// ReadMemory takes the figures.
func ReadMemory() Memory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	m := Memory{Heap: samples[0].Value.Uint64()}
	var ok bool
	if m.Resident, m.Peak, ok = resident(); !ok {
		m.Resident = samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	return m
}

// Descriptors is how many file descriptors the process may have. The Go runtime has raised
// that as far as it goes.
func Descriptors() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int64(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // Cur is signed on some platforms
}

// fallbackMachine is assumed where the size of the machine cannot be learnt.
const fallbackMachine = 4 << 30

// MachineMemory is the memory that the process may use: the machine's, or less if a control group
// allows less.
func MachineMemory() uint64 {
	if n, ok := machine(); ok {
		return n
	}
	return fallbackMachine
}
