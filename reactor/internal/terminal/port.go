package terminal

import (
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// queueBytes bounds the output that waits for the client.
	queueBytes = 64 << 10
	// patience is how long a guest whose output is to be delivered waits for a client.
	patience = 30 * time.Second
)

// ErrAttached is returned when another client is attached.
var ErrAttached = errors.New("terminal: another client is attached")

// Log is the log that gets a guest's output.
type Log interface {
	// Append and Notify are those of a logbuf.Log.
	Append(stream store.Stream, p []byte, now time.Time, mayDrop bool) (at int64, n int, err error)
	Notify(ready func(), mayDrop bool) (stop func())
	// Spare returns how much can be appended before output is cut out that lies behind a position.
	Spare(position int64) int64
	// Attempt returns the attempt that writes, and the position where its output begins.
	Attempt() (number uint32, start int64)
}

// Mode is what a port is for.
type Mode struct {
	Input   bool // clients may send input
	Deliver bool // the guest waits, rather than that output is dropped before a client has it
}

// Port is where a client attaches to a workload.
type Port struct {
	stdin   *hostcalls.Pipe // nil if clients may send no input
	deliver bool

	mu      sync.Mutex
	client  *Client
	end     error     // what the client gets after the last output: io.EOF, or ErrStopped; nil while the guest runs
	writers []*func() // called when the guest may be able to write

	// Of a port that delivers.
	alone time.Time // since when the guest runs and has no client; else zero
	taken int64     // the position up to which clients have the output; -1 if nothing is known
}

// ModeOf returns what the port of a workload is for; zero if clients can't attach.
func ModeOf(spec *api.Spec) Mode {
	return Mode{Input: spec.Interactive, Deliver: spec.OutputMode == api.DeliverOutput}
}

// NewPort makes the port of a workload.
func NewPort(mode Mode) *Port {
	p := &Port{deliver: mode.Deliver, taken: -1}
	if mode.Input {
		p.stdin = hostcalls.NewPipe(0)
	}
	return p
}

// Stdin returns the source from which the guest reads what clients send.
func (p *Port) Stdin() hostcalls.Source {
	if p.stdin == nil {
		return hostcalls.Empty{}
	}
	return p.stdin.Reader()
}

// OnGuestStart is called when the guest starts.
func (p *Port) OnGuestStart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		p.alone = time.Now()
	}
}

// Write appends output to the log, and passes what the log takes on to the attached client, if there is one. It returns
// hostcalls.ErrWouldBlock if the client has no room, or if the guest has to wait for a client.
func (p *Port) Write(stream store.Stream, b []byte, log Log) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	room, mayDrop := p.room(log, now)
	if room <= 0 {
		return 0, hostcalls.ErrWouldBlock
	}
	at, n, err := log.Append(stream, b[:min(int64(len(b)), room)], now, mayDrop)
	if p.client != nil && n > 0 {
		attempt, _ := log.Attempt()
		p.client.push(Run{Stream: stream, Data: b[:n], Offset: at, Attempt: attempt})
	}
	return n, err
}

// room returns how much the guest may write now, and whether the log may drop older output for it.
func (p *Port) room(log Log, now time.Time) (room int64, mayDrop bool) {
	c := p.client
	room = math.MaxInt64
	if c != nil {
		room = queueBytes - int64(c.size)
	}
	if !p.deliver || c == nil && p.patienceLeft(now) <= 0 {
		return room, true
	}
	if p.taken < 0 {
		p.taken = p.assumeTaken(log)
	}
	return min(room, log.Spare(p.taken)), c != nil && c.live
}

// assumeTaken returns the position up to which clients probably have the output of a guest that starts. What an earlier
// attempt wrote last was perhaps still on its way when the daemon ended.
func (p *Port) assumeTaken(log Log) int64 {
	_, start := log.Attempt()
	return max(0, start-queueBytes)
}

// patienceLeft returns how long the guest still waits for a client, if none is attached.
func (p *Port) patienceLeft(now time.Time) time.Duration {
	if p.alone.IsZero() {
		return patience
	}
	return patience - now.Sub(p.alone)
}

// Notify calls ready when Write may take something.
func (p *Port) Notify(ready func(), log Log) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if room, mayDrop := p.room(log, now); room > 0 {
		return log.Notify(ready, mayDrop)
	}
	entry := &ready
	p.writers = append(p.writers, entry)
	var late *time.Timer
	if p.client == nil {
		late = time.AfterFunc(p.patienceLeft(now), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.notifyWriters()
		})
	}
	return func() {
		if late != nil {
			late.Stop()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, e := range p.writers {
			if e == entry {
				p.writers = append(p.writers[:i], p.writers[i+1:]...)
				return
			}
		}
	}
}

// notifyWriters calls those who wait to write.
func (p *Port) notifyWriters() {
	for _, ready := range p.writers {
		(*ready)()
	}
	p.writers = nil
}

// End is called when the guest has ended: the client gets what is left, then io.EOF.
func (p *Port) End() { p.finish(io.EOF) }

// Stop is called when the guest was stopped before its end: the client gets what is left, then ErrStopped.
func (p *Port) Stop() { p.finish(ErrStopped) }

func (p *Port) finish(end error) {
	if p.stdin != nil {
		p.stdin.CloseRead()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = end
	if p.client != nil {
		p.client.changed.Tell()
	}
}

// Attach attaches a client that has the output up to a position. It calls end, which returns the end of the log, under
// the lock that orders output: the client's own output begins there. A client of the same name, which is not empty,
// gives up its place. Until the caller calls Live, it reads what is before the client's own output from the log.
func (p *Port) Attach(name string, position int64, end func() int64) (*Client, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.client; old != nil {
		if name == "" || old.name != name {
			return nil, 0, ErrAttached
		}
		old.leave(ErrReplaced)
	}
	p.client, p.alone = &Client{port: p, name: name}, time.Time{}
	until := end()
	p.taken = min(position, until)
	return p.client, until, nil
}
