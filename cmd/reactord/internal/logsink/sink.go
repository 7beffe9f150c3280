package logsink

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/hooks"
)

const (
	// maxBytes bounds the lines that wait to be sent, together with those that are not complete.
	maxBytes = 16 << 20
	// maxHeld bounds those that are not complete.
	maxHeld = maxBytes / 2
	// maxLines bounds the lines that are sent at a time.
	maxLines = 1024
	// burst and perSecond bound the lines of an attempt: after a while without any, and in the long run.
	burst     = 50_000
	perSecond = 5_000
	// lastWords is how long it may take, once nothing more is to be sent, until everything has ended.
	lastWords = time.Second
)

// sender sends lines.
type sender interface {
	// most bounds what is sent at a time, in bytes.
	most() int
	// stuck is why sending takes long.
	stuck() string
	// send sends lines, unless ctx ends before, and returns when they are sent, or why they are not.
	send(ctx context.Context, lines []line) error
	// close gives back what the sender has. Nothing is sent any more.
	close()
}

// Sink sends what guests print. Make one with Stdout or OTLP, and stop it.
type Sink struct {
	to     sender
	losses *otlp.Losses
	ready  notify.Signal      // to run: there are lines
	stop   chan struct{}      // closed by Stop
	ended  chan struct{}      // closed when run has returned
	cancel context.CancelFunc // ends what is being sent

	mu    sync.Mutex
	queue []line
	size  int // of what is in the queue, or is being sent
	lines int // of the same
	held  int // bytes of lines that are not complete
}

func newSink(to sender, log *zap.Logger) *Sink {
	s := &Sink{
		to: to, losses: otlp.NewLosses("lines of guests", to.stuck(), log),
		ready: notify.NewSignal(), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	life, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.run(life)
	return s
}

// Open returns what takes the output of an attempt. It is what Config.OpenOutput of a reactor asks for.
func (s *Sink) Open(from hooks.Source) hooks.Output {
	return &output{sink: s, from: &from, limit: rate.NewLimiter(perSecond, burst)}
}

// Run says in the log what is lost, until ctx ends.
func (s *Sink) Run(ctx context.Context) { s.losses.Run(ctx) }

// Lost returns how many lines were lost.
func (s *Sink) Lost() uint64 { return s.losses.Count() }

// add puts lines into the queue. It reports false if there is no room for all of them: the others are lost.
func (s *Sink) add(lines []line) bool {
	if len(lines) == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range lines {
		if s.size+s.held+lines[i].size() > maxBytes {
			s.losses.Lose(len(lines) - i)
			return false
		}
		s.size += lines[i].size()
		s.lines++
		s.queue = append(s.queue, lines[i])
	}
	s.ready.Set()
	return true
}

// hold takes room for a line that is not complete, and reports whether there is some.
func (s *Sink) hold(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held+n > maxHeld || s.size+s.held+n > maxBytes {
		return false
	}
	s.held += n
	return true
}

func (s *Sink) free(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= n
}

// run sends what comes, and after Stop what is left.
func (s *Sink) run(life context.Context) {
	defer close(s.ended)
	for stopping := false; ; {
		for batch, size := s.take(); len(batch) > 0; batch, size = s.take() {
			s.losses.Begin()
			err := s.to.send(life, batch)
			if err != nil {
				s.losses.Lose(len(batch))
			}
			s.losses.Note(err)
			s.sent(batch, size)
		}
		if stopping {
			s.to.close()
			return
		}
		select {
		case <-s.ready:
		case <-s.stop:
			stopping = true
		}
	}
}

// take takes lines from the queue that are sent together.
func (s *Sink) take() (batch []line, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < min(len(s.queue), maxLines) && (n == 0 || size+s.queue[n].size() <= s.to.most()) {
		size += s.queue[n].size()
		n++
	}
	batch, s.queue = s.queue[:n:n], s.queue[n:]
	if len(s.queue) == 0 {
		s.queue = nil
	}
	return batch, size
}

// sent gives back the room of lines that were sent, or are lost.
func (s *Sink) sent(batch []line, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size -= size
	s.lines -= len(batch)
	clear(batch)
}

// Stop sends what waits, until ctx ends, and says in the log what is lost. It is called when no attempt runs any more.
func (s *Sink) Stop(ctx context.Context) {
	defer s.cancel()
	close(s.stop)
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.giveUp()
	}
	s.losses.Tell()
}

// giveUp ends what is being sent. Nobody can end a write to a pipe that nobody reads: what it has is lost.
func (s *Sink) giveUp() {
	s.cancel()
	select {
	case <-s.ended:
	case <-time.After(lastWords):
		s.mu.Lock()
		defer s.mu.Unlock()
		s.losses.Lose(s.lines)
	}
}
