package wasihttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func noTrailers() (*Fields, error) { return nil, nil }

// announcing makes the body of a message that announces a length, unless that is empty.
func announcing(t *testing.T, length string) *Body {
	t.Helper()
	f := &Fields{}
	if length != "" {
		if err := f.Append("content-length", length); err != nil {
			t.Fatal(err)
		}
	}
	b, err := NewBody(f, true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBody(t *testing.T) {
	content := strings.Repeat("0123456789", BodyBytes/4)
	trailers := &Fields{}
	for _, tt := range []struct {
		name     string
		length   string
		from     io.Reader
		trailers func() (*Fields, error)
		want     string
		fails    Code // InternalError: it does not
	}{
		{"long", "", strings.NewReader(content), noTrailers, content, InternalError},
		{"trailers", "", strings.NewReader("a"), func() (*Fields, error) { return trailers, nil }, "a", InternalError},
		{"as announced", "3", strings.NewReader("abc"), noTrailers, "abc", InternalError},
		{"too short", "4", strings.NewReader("abc"), noTrailers, "abc", RequestBodySize},
		{"too long", "2", iotest.OneByteReader(strings.NewReader("abc")), noTrailers, "ab", RequestBodySize},
		{"broken", "", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), noTrailers, "abc", ResponseIncomplete},
		{"no trailers", "", strings.NewReader("abc"), func() (*Fields, error) { return nil, syscall.ECONNRESET }, "abc", ConnectionTerminated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := announcing(t, tt.length)
			var outcome error
			b.OnClose(func(err error) { outcome = err })
			filled := make(chan struct{})
			go func() {
				defer close(filled)
				b.Fill(t.Context(), tt.from, tt.trailers)
			}()
			r := b.Stream(t.Context())
			got, err := io.ReadAll(r)
			<-filled
			_ = r.Close()
			if string(got) != tt.want {
				t.Errorf("%d bytes, want %d", len(got), len(tt.want))
			}
			failure, failed := errors.AsType[*Error](err)
			if failed != (tt.fails != InternalError) || failed && failure.Code != tt.fails {
				t.Errorf("it ends with %v", err)
			}
			if failed == (outcome == nil) {
				t.Errorf("the writer is told %v", outcome)
			}
			if wanted, _ := tt.trailers(); b.Trailers() != wanted {
				t.Errorf("the trailers are %v", b.Trailers())
			}
		})
	}
}

// A body is written only when it is read; an empty one never.
func TestBodyStartsLate(t *testing.T) {
	starts := 0
	start := func(b *Body) {
		starts++
		go b.Fill(context.Background(), strings.NewReader("abc"), noTrailers)
	}
	b := NewBodyOf(-1, false, start)
	if _, ok := b.Whole(); starts > 0 || ok {
		t.Error("it was begun before it was read")
	}
	for range 2 {
		_, _ = io.ReadAll(b.Stream(t.Context()))
	}
	if n, err := NewBodyOf(0, false, start).Reader().Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) || starts != 1 {
		t.Errorf("an empty one: %d, %v; %d starts", n, err, starts)
	}
}

// Who waits for a body without reading or writing has it begun, and is told of bytes, room and the end.
func TestBodyReadiness(t *testing.T) {
	started := false
	b := NewBodyOf(-1, false, func(*Body) { started = true })
	reader, writer := b.Reader(), b.Writer()
	want := func(when string, readable, writable bool) {
		t.Helper()
		if r, w := hostcalls.Ready(reader), hostcalls.Ready(writer); r != readable || w != writable {
			t.Errorf("%s: readable %t, writable %t", when, r, w)
		}
	}
	want("empty", false, true)
	if !started {
		t.Error("it was not begun")
	}
	_, err := writer.Write(make([]byte, BodyBytes))
	want("full", true, false)
	_, readErr := reader.Read(make([]byte, BodyBytes))
	want("read", false, true)
	if err := errors.Join(err, readErr, b.End(nil)); err != nil {
		t.Error(err)
	}
	want("ended", true, true)
	b = announcing(t, "")
	reader, writer = b.Reader(), b.Writer()
	_, _ = writer.Write(make([]byte, BodyBytes))
	b.Close(nil)
	want("closed", true, true)
}

// A reader that goes ends a Fill that waits for room, and tells the writer why.
func TestBodyIsClosed(t *testing.T) {
	b := announcing(t, "")
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		b.Fill(t.Context(), bytes.NewReader(make([]byte, 10*BodyBytes)), noTrailers)
	}()
	if _, err := b.Stream(t.Context()).Read(make([]byte, 10)); err != nil {
		t.Error(err)
	}
	b.Close(&Error{Code: ConnectionTimeout})
	b.Close(nil)
	<-filled
	var outcome error
	b.OnClose(func(err error) { outcome = err })
	if AsError(outcome).Code != ConnectionTimeout {
		t.Errorf("the writer is told %v", outcome)
	}
	if _, err := b.Writer().Write([]byte("a")); !errors.Is(err, hostcalls.ErrBrokenPipe) {
		t.Errorf("writing then: %v", err)
	}
}

func TestBodyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := announcing(t, "")
	if _, err := b.Stream(ctx).Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	b.Fill(ctx, bytes.NewReader(make([]byte, 2*BodyBytes)), noTrailers)
	r := b.Stream(t.Context())
	if got, err := io.ReadAll(r); len(got) != BodyBytes || AsError(err).Code != ConnectionTerminated {
		t.Errorf("what was filled: %d bytes, %v", len(got), err)
	}
}

func TestAsError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&Error{Code: LoopDetected}, "loop-detected"},
		{sized(RequestBodySize, 5), "HTTP-request-body-size 5"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection-refused"},
		{&net.DNSError{IsNotFound: true}, `DNS-error: "NXDOMAIN"`},
		{&net.DNSError{IsTimeout: true}, "DNS-timeout"},
		{errors.New("odd"), `internal-error: "odd"`},
	} {
		if got := AsError(tt.err).Error(); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.err, got, tt.want)
		}
	}
}
