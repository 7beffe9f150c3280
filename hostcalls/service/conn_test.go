package service

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/internal/piped"
)

// dialEdge returns a connection to an edge of a service without instances, all of whose requests wait, or are refused at once. The edge
// ends with the test, in a bubble of synctest.
func dialEdge(t *testing.T, refuses bool) net.Conn {
	config := &abi.Config{Serve: &abi.Service{}, Stdout: hostcalls.Discard{}, Stderr: hostcalls.Discard{}}
	s := newSupervisor(nil, answering(""), config, 0, capability.Listener{})
	s.pool.policy = Policy{}
	if !refuses {
		s.pool.policy.Queue = 1 << 20
	}
	l := piped.Listen()
	s.edge.listen(l, nil)
	s.edge.serve()
	t.Cleanup(func() { s.edge.shut(0) })
	c, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// flooding is a client that says over HTTP/2 what it likes, and reads what comes without looking at it.
type flooding struct {
	*http2.Framer
	stream uint32
	head   []byte
}

func newFlooding(t *testing.T, c net.Conn) *flooding {
	t.Helper()
	go func() { _, _ = io.Copy(io.Discard, c) }()
	f := &flooding{Framer: http2.NewFramer(c, c), stream: 1}
	f.AllowIllegalWrites = true
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/"}, {Name: ":authority", Value: "a"}} {
		_ = enc.WriteField(h)
	}
	f.head = block.Bytes()
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

// open begins a request.
func (f *flooding) open(end bool) (uint32, error) {
	id := f.stream
	f.stream += 2
	return id, f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.head, EndHeaders: true, EndStream: end})
}

// A client of HTTP/2 that floods its connection with frames of which nothing comes is read slowly, and then no more.
func TestFloods(t *testing.T) {
	many := make([]http2.Setting, 2000)
	for i := range many {
		many[i] = http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(i)}
	}
	for _, tt := range []struct {
		name  string
		begin func(f *flooding) error
		flood func(f *flooding) error
	}{
		{"PING", nil, func(f *flooding) error { return f.WritePing(false, [8]byte{}) }},
		{"acknowledged PING", nil, func(f *flooding) error { return f.WritePing(true, [8]byte{}) }},
		{"SETTINGS", nil, func(f *flooding) error { return f.WriteSettings() }},
		{"large SETTINGS", nil, func(f *flooding) error { return f.WriteSettings(many...) }},
		{"WINDOW_UPDATE", nil, func(f *flooding) error { return f.WriteWindowUpdate(0, 1) }},
		{"PRIORITY", nil, func(f *flooding) error { return f.WritePriority(9, http2.PriorityParam{Weight: 3}) }},
		{"what nobody knows", nil, func(f *flooding) error { return f.WriteRawFrame(0xee, 0, 0, nil) }},
		{
			"empty CONTINUATION",
			func(f *flooding) error {
				return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.head})
			},
			func(f *flooding) error { return f.WriteContinuation(1, false, nil) },
		},
		{"requests that are given up", nil, func(f *flooding) error {
			id, err := f.open(true)
			if err != nil {
				return err
			}
			synctest.Wait()
			defer synctest.Wait()
			return f.WriteRSTStream(id, http2.ErrCodeCancel)
		}},
		{"requests that the server gives up", nil, func(f *flooding) error {
			id, err := f.open(true)
			if err != nil {
				return err
			}
			synctest.Wait()
			defer synctest.Wait()
			return f.WriteWindowUpdate(id, 1<<31-1)
		}},
		{"empty DATA", func(f *flooding) error { _, err := f.open(false); return err }, func(f *flooding) error { return f.WriteData(1, false, nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFlooding(t, dialEdge(t, false))
				if tt.begin != nil {
					if err := tt.begin(f); err != nil {
						t.Fatal(err)
					}
				}
				start := time.Now()
				n := 0
				for ; n < 100_000; n++ {
					if err := tt.flood(f); err != nil {
						break
					}
				}
				if took := time.Since(start); n > 40_000 || took > time.Minute { // package net/http ends some of them sooner
					t.Errorf("%d frames were taken in %v", n, took)
				}
			})
		})
	}
}

// A client whose requests are answered, or that says now and then what it may, is not slowed down.
func TestNoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlooding(t, dialEdge(t, true))
		start := time.Now()
		for range 5000 {
			if _, err := f.open(true); err != nil {
				t.Fatal(err)
			}
			if err := f.WriteWindowUpdate(0, 100); err != nil {
				t.Fatal(err)
			}
			if err := f.WritePing(false, [8]byte{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it had to wait for %v", took)
		}
		for range 2000 {
			time.Sleep(20 * time.Millisecond)
			for range 10 {
				if err := f.WritePing(false, [8]byte{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
