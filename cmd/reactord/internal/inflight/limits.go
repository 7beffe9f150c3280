package inflight

import (
	"cmp"
	"syscall"
	"time"
)

// Limits bound what clients have in flight. What is zero takes a default.
type Limits struct {
	// Connections that may be open: an eighth of the descriptors the process may have, 1000 at most.
	Connections int
	// Streams of a connection: 256. More are refused as HTTP/2 has it, and clients wait by themselves.
	Streams int
	// Calls under way that all connections may have together, 4096, beyond the CallsOfConnection, 8,
	// that each may have at any time.
	Calls, CallsOfConnection int64
	// Bytes that the messages and answers of all connections may take up together, 256 MiB, beyond the
	// BytesOfConnection, 256 KiB, that each connection has for its messages, and for its answers.
	Bytes, BytesOfConnection int64
	// Patience is how long a message or an answer waits for room: 5 s.
	Patience time.Duration
	// Deaf is how long a client may take nothing that is written to it, 20 s. One that has some of
	// Bytes gives or takes BytesPerSecond after that: 64 KiB.
	Deaf           time.Duration
	BytesPerSecond int64
}

// Defaults are the limits that nothing is said of. Connections is that of this machine.
func Defaults() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, min(1000, max(16, int(descriptors()/8))))
	l.Streams = cmp.Or(l.Streams, 256)
	l.Calls = cmp.Or(l.Calls, 4096)
	l.CallsOfConnection = cmp.Or(l.CallsOfConnection, 8)
	l.Bytes = cmp.Or(l.Bytes, 256<<20)
	l.BytesOfConnection = cmp.Or(l.BytesOfConnection, 256<<10)
	l.Patience = cmp.Or(l.Patience, 5*time.Second)
	l.Deaf = cmp.Or(l.Deaf, 20*time.Second)
	l.BytesPerSecond = cmp.Or(l.BytesPerSecond, 64<<10)
	return l
}

// timeFor is how long a client may take over n bytes.
func (l *Limits) timeFor(n int64) time.Duration {
	return l.Deaf + time.Duration(float64(n)/float64(l.BytesPerSecond)*float64(time.Second))
}

// descriptors is how many descriptors the process may have. The Go runtime has raised that as far as
// it goes.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return limit.Cur
}
