package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the reader's end of a connection once it was accepted.
func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// Clients that keep all places busy, with or without the token, shut nobody out.
func TestShutOut(t *testing.T) {
	const pipelined = 50
	for _, tt := range []struct{ name, sends string }{
		{"silent", ""},
		{"in the midst of a head", "GET "},
		{"without the token", "GET " + Path + " HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"asking much and reading nothing", strings.Repeat(request, pipelined)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s, served := newPipes(), NewServer(full(), isRight, zap.NewNop()), make(chan error)
				go func() { served <- s.Serve(l, nil) }()
				for range maxConnections + 100 {
					c := l.dial()
					go func() { _, _ = io.WriteString(c, tt.sends) }()
				}
				began, last := time.Now(), l.dial()
				if status := ask(last); status != "HTTP/1.1 200 OK" || time.Since(began) > time.Second {
					t.Errorf("got %q after %v", status, time.Since(began))
				}
				stop(t, s, served)
				_ = last.Close()
			})
		})
	}
}

func isRight(authorization []string) error {
	if !slices.Equal(authorization, []string{"Bearer right"}) {
		return errors.New("the token is in a file")
	}
	return nil
}

// ask asks for a page, and returns the begin of the answer.
func ask(c net.Conn) string {
	answer := make([]byte, len("HTTP/1.1 200 OK"))
	if _, err := io.WriteString(c, request); err != nil {
		return err.Error()
	}
	n, _ := io.ReadFull(c, answer)
	return string(answer[:n])
}

func stop(t *testing.T, s *Server, served <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.Stop(ctx)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

const request = "GET " + Path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer right\r\n\r\n"

// A reader that is slow, or does nothing at all, has its place for a bounded time.
func TestSlowReaders(t *testing.T) {
	trickle := func(c net.Conn, text string, pause time.Duration) {
		for i := range text {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
	for _, tt := range []struct {
		name string
		do   func(c net.Conn)
		most time.Duration
	}{
		{"sends nothing", func(net.Conn) {}, headTime},
		{"sends its head slowly", func(c net.Conn) { trickle(c, request, time.Second) }, headTime + pageTime}, // it does not read the refusal either
		{"reads nothing", func(c net.Conn) { _, _ = io.WriteString(c, request) }, pageTime},
		{"reads slowly", func(c net.Conn) {
			_, _ = io.WriteString(c, request)
			for one := make([]byte, 1); ; time.Sleep(time.Second) {
				if _, err := c.Read(one); err != nil {
					return
				}
			}
		}, pageTime},
		{"asks once", func(c net.Conn) {
			_, _ = io.WriteString(c, request)
			_, _ = io.Copy(io.Discard, c)
		}, idleTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s, served := newPipes(), NewServer(full(), anybody, zap.NewNop()), make(chan error)
				go func() { served <- s.Serve(l, nil) }()
				began, c := time.Now(), l.dial()
				var client sync.WaitGroup
				client.Go(func() { tt.do(c) })
				for synctest.Wait(); s.conns.Count() > 0 && time.Since(began) < 2*tt.most; {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(began); took > tt.most+time.Second {
					t.Errorf("it has its place for %v, want %v", took, tt.most)
				}
				stop(t, s, served)
				_ = c.Close()
				client.Wait()
			})
		})
	}
}
