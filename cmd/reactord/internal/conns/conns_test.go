package conns

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a connection as its client has it.
type client struct {
	net.Conn // nil
	closed   atomic.Bool
}

func (c *client) Read([]byte) (int, error) { return 0, io.EOF }

func (c *client) Close() error {
	c.closed.Store(true)
	return nil
}

// gone reports whether the server has closed the connection.
func (c *client) gone() bool {
	synctest.Wait()
	return c.closed.Load()
}

// clients is a listener for clients.
type clients chan *client

func (l clients) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (clients) Close() error   { return nil }
func (clients) Addr() net.Addr { return &net.TCPAddr{} }

// connect connects clients to a set one after the other. Those that are refused have no Conn.
func connect(s *Set, n int) (all []*client, conns []*Conn) {
	for range n {
		c := new(client)
		all, conns = append(all, c), append(conns, s.admit(c))
		if accepted := conns[len(conns)-1]; accepted != nil {
			_, _ = accepted.Read(nil) // as servers do
		}
	}
	return all, conns
}

// prove has the client of a connection prove itself.
func prove(c *Conn) {
	c.Begin()
	c.End()
}

// The oldest that are not proven are replaced first, then those that have been idle for longest, and none that is worked on.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(5, 0, zap.NewNop())
		all, conns := connect(s, 5)
		conns[1].Begin()
		for _, i := range []int{4, 0} {
			time.Sleep(time.Second)
			prove(conns[i])
		}
		_ = conns[2].Close()
		third, _ := connect(s, 1)
		all[2] = third[0]
		time.Sleep(time.Second)
		var replaced []int
		for range 4 {
			_, more := connect(s, 1)
			more[0].Begin()
			for i, c := range all {
				if c.gone() && !slices.Contains(replaced, i) {
					replaced = append(replaced, i)
				}
			}
		}
		if want := []int{3, 2, 4, 0}; !slices.Equal(replaced, want) {
			t.Errorf("%v were replaced, want %v", replaced, want)
		}
		if refused, conns := connect(s, 1); conns[0] != nil {
			t.Errorf("%v has a place, though all others are worked on", refused)
		}
		if s.Count() != 5 {
			t.Errorf("%d connections are open", s.Count())
		}
	})
}

// However long a storm of clients that prove nothing goes on, a new client has its moment, and about half of those that are idle keep their
// places.
func TestStorm(t *testing.T) {
	for _, most := range []int{170, 256, 1000} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSet(most, 0, zap.NewNop())
			all, conns := connect(s, most)
			for _, c := range conns {
				prove(c)
			}
			connect(s, most)
			now, _ := connect(s, 1)
			began := time.Now()
			for !now[0].gone() {
				connect(s, 1)
			}
			if lasted := time.Since(began); lasted < moment {
				t.Errorf("of %d, a new one is gone after %v", most, lasted)
			}
			connect(s, 3*most)
			kept := 0
			for _, c := range all {
				if !c.gone() {
					kept++
				}
			}
			if kept < most/2-most/50 {
				t.Errorf("of %d, the storm has left %d", most, kept)
			}
		})
	}
}

// A storm that begins at once does not replace the few that are proven, though they have been idle for longest.
func TestSuddenStorm(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSet(100, patience, zap.NewNop())
			all, conns := connect(s, 50)
			for _, c := range conns {
				prove(c)
			}
			time.Sleep(time.Minute)
			connect(s, 1000)
			for i, c := range all {
				if c.gone() {
					t.Errorf("with patience for %v: connection %d is gone", patience, i)
				}
			}
		})
	}
}

// A connection is not replaced before the server has begun with it.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(1, 0, zap.NewNop())
		first := new(client)
		c := s.admit(first)
		time.Sleep(time.Minute)
		if _, conns := connect(s, 1); conns[0] != nil || first.gone() {
			t.Error("the server had not begun to read, and the connection was replaced")
		}
		_, _ = c.Read(nil)
		time.Sleep(moment)
		if _, conns := connect(s, 1); conns[0] == nil || !first.gone() {
			t.Error("the connection was not replaced, though its client had time enough")
		}
	})
}

// If none is idle, a new connection waits, and is then refused.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(2, time.Second, zap.NewNop())
		all, conns := connect(s, 2)
		conns[0].Begin()
		conns[1].Begin()
		conns[1].Begin()
		time.AfterFunc(300*time.Millisecond, conns[1].End)
		time.AfterFunc(600*time.Millisecond, conns[0].End)
		l := make(clients, 3)
		began := time.Now()
		l <- new(client)
		c, err := s.Listener(l).Accept()
		if took := time.Since(began); err != nil || took < 600*time.Millisecond || took > time.Second {
			t.Errorf("%v after %v, want a connection once another one is idle", err, took)
		}
		if !all[0].gone() || all[1].gone() {
			t.Error("a connection that has another request was replaced")
		}
		c.(*Conn).Begin()
		refused := new(client)
		l <- refused
		close(l)
		began = time.Now()
		if _, err := s.Listener(l).Accept(); err != net.ErrClosed || !refused.gone() || time.Since(began) < time.Second {
			t.Errorf("got %v after %v, want the connection refused after a second", err, time.Since(began))
		}
	})
}

// A server that is short of something else has connections leave that are not proven, and no others.
func TestShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(9, 0, zap.NewNop())
		all, conns := connect(s, 2)
		prove(conns[0])
		if s.Shed(); all[1].gone() {
			t.Error("a connection had no moment to prove itself")
		}
		time.Sleep(moment)
		if s.Shed(); !all[1].gone() {
			t.Error("the connection that is not proven is still there")
		}
		if s.Shed(); all[0].gone() || s.Count() != 1 {
			t.Error("a proven connection is gone")
		}
	})
}

// The log has one line when the bound is reached and one when that is over, though connections come and go fast.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		s := NewSet(8, 0, zap.New(core))
		for range 20 {
			_, conns := connect(s, 9)
			for _, c := range conns {
				_ = c.Close()
			}
		}
		if lines := logs.TakeAll(); len(lines) != 1 || lines[0].Level != zapcore.WarnLevel {
			t.Errorf("the log has %v, want a warning", lines)
		}
		time.Sleep(2 * calmTime)
		if lines := logs.TakeAll(); len(lines) != 1 || lines[0].Level != zapcore.InfoLevel {
			t.Errorf("the log has %v, want that it is over", lines)
		}
	})
}

// A connection is better closed after its answer if others wait that come before it.
func TestCrowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(4, 0, zap.NewNop())
		_, conns := connect(s, 4)
		check := func(when string, unproven, proven bool) {
			t.Helper()
			if conns[0].Crowded() != unproven || conns[1].Crowded() != proven {
				t.Errorf("%s: not proven: %v, proven: %v", when, conns[0].Crowded(), conns[1].Crowded())
			}
		}
		prove(conns[1])
		check("there is room", false, false)
		time.Sleep(moment)
		_, more := connect(s, 1)
		check("others are not proven", true, false)
		if conns[2].Prove(); conns[2].Crowded() {
			t.Error("a connection whose request was admitted is still one that is not proven")
		}
		for _, c := range append(more, conns[1:]...) {
			prove(c)
		}
		connect(s, 2)
		check("nearly all are proven", true, true)
		for _, c := range append(more, conns[1:]...) {
			_ = c.Close()
		}
		time.Sleep(2 * calmTime)
		check("it is over", false, false)
	})
}

// Handlers find the connection that was accepted, under TLS too, and need none.
func TestOf(t *testing.T) {
	s := NewSet(1, 0, zap.NewNop())
	_, conns := connect(s, 1)
	for name, c := range map[string]net.Conn{"plain text": conns[0], "TLS": tls.Server(conns[0], nil)} {
		if Of(Context(t.Context(), c)) != conns[0] {
			t.Errorf("%s: the connection is not found", name)
		}
	}
	none := Of(Context(t.Context(), new(client)))
	prove(none)
	if none != nil || none.Crowded() {
		t.Error("there is a connection that was not accepted")
	}
}
