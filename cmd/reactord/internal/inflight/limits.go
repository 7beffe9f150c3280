package inflight

import (
	"cmp"
	"time"

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
)

// Limits bound what clients have in flight. A zero field takes its default.
type Limits struct {
	// Connections is how many may be open: by default an eighth of the process's descriptors, 1000 at most.
	Connections int
	// Streams is the number of streams of a connection: 256. Clients queue further calls themselves.
	Streams int
	// Calls is how many calls all connections share, 4096, besides the CallsOfConnection, 8, that each
	// connection may always have.
	Calls, CallsOfConnection int64
	// Bytes is how much memory the messages and answers of all connections share, 256 MiB, besides the
	// BytesOfConnection, 256 KiB, that each connection has for its messages and again for its answers.
	Bytes, BytesOfConnection int64
	// Patience is how long a message or an answer waits for memory: 5 s.
	Patience time.Duration
	// ReadTimeout is how long a client may leave unread what is written to it, 20 s. A client that holds
	// some of Bytes must move at least BytesPerSecond, 64 KiB, after that.
	ReadTimeout    time.Duration
	BytesPerSecond int64
}

// Defaults returns the default limits. Connections depends on this machine.
func Defaults() Limits { return Limits{}.withDefaults() }

// Resolved returns l with the defaults of this machine in its zero fields.
func (l Limits) Resolved() Limits { return l.withDefaults() }

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, conns.Share(8, 1000))
	l.Streams = cmp.Or(l.Streams, 256)
	l.Calls = cmp.Or(l.Calls, 4096)
	l.CallsOfConnection = cmp.Or(l.CallsOfConnection, 8)
	l.Bytes = cmp.Or(l.Bytes, 256<<20)
	l.BytesOfConnection = cmp.Or(l.BytesOfConnection, 256<<10)
	l.Patience = cmp.Or(l.Patience, 5*time.Second)
	l.ReadTimeout = cmp.Or(l.ReadTimeout, 20*time.Second)
	l.BytesPerSecond = cmp.Or(l.BytesPerSecond, 64<<10)
	return l
}

// timeFor returns how long a client may take for n bytes.
func (l *Limits) timeFor(n int64) time.Duration {
	return l.ReadTimeout + time.Duration(float64(n)/float64(l.BytesPerSecond)*float64(time.Second))
}
