package logsink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var source = hooks.Source{Event: hooks.Event{ID: "w", Attempt: 2}, Name: "job", Labels: map[string]string{"a": "b"}}

// kept is a sender that keeps what it gets, or does what err says.
type kept struct {
	err func(ctx context.Context) error // nil: it takes everything

	mu    sync.Mutex
	lines []line
}

func (k *kept) send(ctx context.Context, lines []line) error {
	if k.err != nil {
		if err := k.err(ctx); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, lines...)
	return nil
}

func (*kept) most() int     { return 64 << 10 }
func (*kept) stuck() string { return "nobody reads" }
func (*kept) close()        {}

func (k *kept) texts() (list []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.lines {
		text := l.text
		if len(text) > 100 {
			text = fmt.Sprintf("%s... %d bytes", text[:1], len(text))
		}
		if l.partial {
			text += "+"
		}
		if l.stream == api.Stderr {
			text = "2:" + text
		}
		list = append(list, text)
	}
	return list
}

func stop(t *testing.T, s *Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	s.Stop(ctx)
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, tt := range map[string]struct {
		writes []string
		want   []string
	}{
		"nothing":              {nil, nil},
		"a line":               {[]string{"one\n"}, []string{"one"}},
		"lines":                {[]string{"one\n\ntwo\n"}, []string{"one", "", "two"}},
		"pieces":               {[]string{"o", "n", "e\ntw", "o\n"}, []string{"one", "two"}},
		"no end":               {[]string{"one\ntwo"}, []string{"one", "two"}},
		"as long as may be":    {[]string{long + "\n"}, []string{"x... 16384 bytes"}},
		"that in two":          {[]string{long, "\n"}, []string{"x... 16384 bytes"}},
		"too long":             {[]string{long + "yz\na\n"}, []string{"x... 16384 bytes+", "yz", "a"}},
		"too long in pieces":   {[]string{long, "yz\na\n"}, []string{"x... 16384 bytes+", "yz", "a"}},
		"much too long":        {[]string{long + long + "\n"}, []string{"x... 16384 bytes+", "x... 16384 bytes"}},
		"no end, and too long": {[]string{long + "y"}, []string{"x... 16384 bytes+", "y"}},
		"a letter in two":      {[]string{long[1:] + "é\n"}, []string{"x... 16383 bytes+", "é"}},
		"letters cut by write": {[]string{"\xc3", "\xa9\n"}, []string{"é"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kept{}
			s := newSink(k, zap.NewNop())
			o := s.Open(source)
			for _, w := range tt.writes {
				o.Write(api.Stdout, []byte(w), time.Now())
			}
			o.Close()
			stop(t, s)
			if got := k.texts(); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if s.held != 0 || s.size != 0 || s.lines != 0 {
				t.Errorf("%d bytes are held, %d bytes in %d lines wait", s.held, s.size, s.lines)
			}
		})
	}
}

// The streams of an attempt do not run into each other, and a write may be used again.
func TestStreams(t *testing.T) {
	k := &kept{}
	s := newSink(k, zap.NewNop())
	o := s.Open(source)
	p := []byte("out")
	o.Write(api.Stdout, p, time.Now())
	copy(p, "err")
	o.Write(api.Stderr, p, time.Now())
	o.Write(api.Stdout, []byte("put\n"), time.Now())
	o.Close()
	stop(t, s)
	if got := k.texts(); !slices.Equal(got, []string{"output", "2:err"}) {
		t.Errorf("got %q", got)
	}
}

// All lines are sent or counted, however many guests print, and no more waits than may.
func TestFlood(t *testing.T) {
	release := make(chan struct{})
	k := &kept{err: func(context.Context) error { <-release; return nil }}
	s := newSink(k, zap.NewNop())
	const guests, writes, lines = 8, 100, 1000
	var printing sync.WaitGroup
	for range guests {
		printing.Go(func() {
			o := s.Open(source)
			for range writes {
				o.Write(api.Stdout, []byte(strings.Repeat("a line of some length\n", lines)), time.Now())
			}
			o.Close()
		})
	}
	printing.Wait()
	if s.size > maxBytes {
		t.Errorf("%d bytes wait", s.size)
	}
	close(release)
	stop(t, s)
	if sent, lost := len(k.lines), int(s.losses.Count()); sent+lost != guests*writes*lines || sent == 0 || lost == 0 {
		t.Errorf("%d lines are sent and %d are lost of %d", sent, lost, guests*writes*lines)
	}
}

// An attempt that prints without an end does not take a processor for itself.
func TestSpent(t *testing.T) {
	k := &kept{}
	s := newSink(k, zap.NewNop())
	o := s.Open(source)
	now := time.Now()
	o.Write(api.Stdout, []byte(strings.Repeat("\n", burst+100)), now)
	o.Write(api.Stdout, []byte(strings.Repeat("\n", 2*perSecond)), now.Add(time.Second))
	o.Close()
	stop(t, s)
	if sent, lost := len(k.lines), s.losses.Count(); sent != burst+perSecond || lost != 100+perSecond {
		t.Errorf("%d lines are sent, and %d are lost", sent, lost)
	}
}

// Lines that are never complete take half of the room at most. What has none goes out in pieces.
func TestUnfinishedLines(t *testing.T) {
	k := &kept{}
	s := newSink(k, zap.NewNop())
	var open []hooks.Output
	for range maxHeld / maxLine * 3 / 2 { // all of them fit, also if none is sent meanwhile
		o := s.Open(source)
		o.Write(api.Stdout, []byte(strings.Repeat("x", maxLine)), time.Now())
		open = append(open, o)
	}
	if s.held > maxHeld {
		t.Errorf("%d bytes are held", s.held)
	}
	for _, o := range open {
		o.Close()
	}
	stop(t, s)
	if sent := len(k.lines); sent != len(open) || s.losses.Count() != 0 || s.held != 0 {
		t.Errorf("%d of %d lines are sent, %d are lost, %d bytes are held", sent, len(open), s.losses.Count(), s.held)
	}
}

// Whoever does not take lines keeps the daemon from stopping for a bounded time, and what is lost is counted.
func TestStop(t *testing.T) {
	for name, tt := range map[string]struct {
		err  func(ctx context.Context) error
		most time.Duration
	}{
		"refuses":  {func(context.Context) error { return errors.New("no") }, 0},
		"is slow":  {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 5 * time.Second},
		"is stuck": {func(context.Context) error { time.Sleep(time.Hour); return errors.New("late") }, 5*time.Second + lastWords},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSink(&kept{err: tt.err}, zap.NewNop())
				o := s.Open(source)
				for range 3000 {
					o.Write(api.Stdout, []byte("a\n"), time.Now())
				}
				o.Close()
				began := time.Now()
				stop(t, s)
				if took := time.Since(began); took > tt.most {
					t.Errorf("stopping took %v", took)
				}
				if lost := s.losses.Count(); lost != 3000 {
					t.Errorf("%d of 3000 are lost", lost)
				}
				<-s.ended
			})
		})
	}
}

// Whoever takes nothing while lines are lost is told of, and so is that more is taken, or why not.
func TestStall(t *testing.T) {
	for name, tt := range map[string]struct {
		end  error // of what was not taken
		want []string
	}{
		"goes on": {nil, []string{
			"telemetry can't be sent, and is lost until it can map[error:nobody reads: nothing was taken for 31s what:lines of guests]",
			"telemetry was not sent map[lost:100 lost_in_all:100 what:lines of guests]",
			"telemetry is sent again map[lost_in_all:100 what:lines of guests]",
		}},
		"fails": {errors.New("broken pipe"), []string{
			"telemetry can't be sent, and is lost until it can map[error:nobody reads: nothing was taken for 31s what:lines of guests]",
			"telemetry was not sent map[lost:100 lost_in_all:100 what:lines of guests]",
			"telemetry can't be sent, and is lost until it can map[error:broken pipe what:lines of guests]",
			"telemetry is sent again map[lost_in_all:101 what:lines of guests]",
			"telemetry was not sent map[lost:1 lost_in_all:101 what:lines of guests]",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.InfoLevel)
				takes := make(chan error)
				s := newSink(&kept{err: func(context.Context) error { return <-takes }}, zap.New(core))
				ctx, cancel := context.WithCancel(t.Context())
				go s.Run(ctx)
				o := s.Open(source)
				o.Write(api.Stdout, []byte("a\n"), time.Now())
				time.Sleep(30*time.Second + time.Millisecond) // nothing is lost
				if logs.Len() > 0 {
					t.Errorf("the log has %v", logs.All())
				}
				o.Write(api.Stdout, []byte(strings.Repeat("\n", burst+100)), time.Now())
				time.Sleep(time.Minute)
				takes <- tt.end
				close(takes)
				o.Close()
				cancel()
				stop(t, s)
				var got []string
				for _, line := range logs.All() {
					got = append(got, fmt.Sprint(line.Message, " ", line.ContextMap()))
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
			})
		})
	}
}

// A line is an object of JSON of one line, whatever bytes a guest prints.
func TestJSON(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	s := newSink(writer{to}, zap.NewNop())
	o := s.Open(source)
	o.Write(api.Stderr, []byte("<é>\x1b[1m\t\xff\"\\\n"), at)
	o.Close()
	stop(t, s)
	got := make([]byte, 1000)
	n, _ := from.Read(got)
	want := `{"time":"2026-01-02T02:04:05.000000006Z","workload":"w","name":"job","labels":{"a":"b"},"attempt":2,"stream":"stderr",` +
		`"text":"<é>\u001b[1m\t\\xff\"\\"}` + "\n"
	if string(got[:n]) != want {
		t.Errorf("got  %swant %s", got[:n], want)
	}
}

// Nobody who reads is no reason to end.
func TestBrokenPipe(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = from.Close()
	s := newSink(writer{to}, zap.NewNop())
	o := s.Open(source)
	o.Write(api.Stdout, []byte("a\nb\n"), time.Now())
	o.Close()
	stop(t, s)
	if lost := s.losses.Count(); lost != 2 {
		t.Errorf("%d are lost", lost)
	}
}
