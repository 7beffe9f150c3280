package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wave"
	"github.com/reactord/reactord/component/wit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon answers a call by a function, which has ended the call when it returns.
type daemon struct {
	reactorv1.WorkloadServiceClient
	answer func(s *stream) error
}

func (d *daemon) Call(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse], error) {
	s := &stream{ctx: ctx, requests: make(chan *reactorv1.CallRequest, 1<<16), responses: make(chan *reactorv1.CallResponse), over: make(chan struct{})}
	go func() {
		defer close(s.over)
		s.err = d.answer(s)
	}()
	return s, nil
}

type stream struct {
	grpc.ClientStream
	ctx       context.Context
	requests  chan *reactorv1.CallRequest
	responses chan *reactorv1.CallResponse
	over      chan struct{}
	err       error
}

func (s *stream) Send(m *reactorv1.CallRequest) error {
	s.requests <- m
	return nil
}

func (s *stream) Recv() (*reactorv1.CallResponse, error) {
	select {
	case m := <-s.responses:
		return m, nil
	case <-s.over:
		if s.err != nil {
			return nil, s.err
		}
		return nil, io.EOF
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

// next returns the next request.
func (s *stream) next() *reactorv1.CallRequest {
	select {
	case m := <-s.requests:
		return m
	case <-s.ctx.Done():
		return &reactorv1.CallRequest{}
	}
}

func (s *stream) send(m *reactorv1.CallResponse) {
	select {
	case s.responses <- m:
	case <-s.ctx.Done():
	}
}

func (s *stream) end() {
	s.send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Ended{Ended: &reactorv1.CallFunctionResponse{}}})
}

func (s *stream) window(id uint32, items, bytes uint64) {
	s.send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Window{Window: &reactorv1.CallWindow{Channel: id, Items: items, Bytes: bytes}}})
}

// call makes a call of a function of a type.
func call(t *testing.T, typ, text, stdin string, d *daemon) (out, errs string, failed bool, _ error) {
	t.Helper()
	i, err := wit.NewScope(types.NewTable()).Define("test:channels/types", "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := i.Func(typ)
	if err != nil {
		t.Fatal(err)
	}
	sources := NewSources(strings.NewReader(stdin), []string{"db"})
	defer sources.Close()
	args, err := wave.ParseCall(f, text, sources.Open)
	if err != nil {
		return "", "", false, err
	}
	var to, besides strings.Builder
	p := &Text{Result: f.Result, Raw: &to, Out: &to, Err: &besides}
	c := Call{Client: d, Spec: &reactorv1.WorkloadSpec{}, Func: f, Args: args, Sources: sources, Printer: p}
	_, err = c.Run(t.Context())
	return to.String(), besides.String(), p.Failed(), err
}

// A source sends no more than there is a window for.
func TestWindows(t *testing.T) {
	for typ, item := range map[string]string{"stream<u8>": "x", "stream<string>": `"` + strings.Repeat("x", 1000) + `"` + "\n", "stream<u32>": "7\n"} {
		input := strings.Repeat(item, 300_000/len(item))
		var items, size int
		d := &daemon{answer: func(s *stream) error {
			roomItems, roomBytes := windowItems, windowBytes
			for {
				m := s.next().GetItems()
				if m == nil {
					continue
				}
				n, bytes := len(m.GetValues()), len(m.GetBytes())
				for _, v := range m.GetValues() {
					bytes += 16 + len(v.GetText())
				}
				items, size = items+n, size+bytes
				if roomItems, roomBytes = roomItems-n, roomBytes-bytes; roomItems < 0 || roomBytes < 0 {
					t.Errorf("%s: %d items, %d bytes beyond the window", typ, -roomItems, -roomBytes)
				}
				if m.GetEnd() {
					s.end()
					return nil
				}
				if roomBytes < 2000 || roomItems < 10 {
					s.window(1, uint64(windowItems-roomItems), uint64(windowBytes-roomBytes))
					roomItems, roomBytes = windowItems, windowBytes
				}
			}
		}}
		if _, _, _, err := call(t, "async func(a: "+typ+")", "f(-)", input, d); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if want := strings.Count(input, "\n"); items != want || items == 0 && size != len(input) {
			t.Errorf("%s: %d items, %d bytes", typ, items, size)
		}
		items, size = 0, 0
	}
}

// A source that nobody reads is left, and the call goes on.
func TestStop(t *testing.T) {
	d := &daemon{answer: func(s *stream) error {
		s.send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Stop{Stop: &reactorv1.CallStop{Channel: 1}}})
		s.end()
		return nil
	}}
	if _, _, _, err := call(t, "async func(a: stream<u8>)", "f(@/dev/zero)", "", d); err != nil {
		t.Error(err)
	}
}

// A call whose source is at fault is cancelled, and one that the daemon refuses has its error.
func TestFaults(t *testing.T) {
	heeds := &daemon{answer: func(s *stream) error {
		for s.next().GetCancel() == nil && s.ctx.Err() == nil {
		}
		s.end()
		return nil
	}}
	refused := errors.New("refused")
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, []byte("1\n"+strings.Repeat(" ", maxLine+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		typ, call, stdin string
		daemon           *daemon
		want             string
	}{
		{"stream<u32>", "f(-)", "1\n2\nx\n", heeds, "the standard input, line 3: expected a u32, found x"},
		{"stream<u32>", "f(@" + long + ")", "", heeds, long + ", line 2: it is longer than 1048576 bytes"},
		{"stream<string>", "f(-)", `"` + strings.Repeat("x", windowBytes) + `"`, heeds, "the standard input, line 1: an item of 65552 bytes, more than 65536"},
		{"stream<u8>", "f(-)", "", &daemon{answer: func(*stream) error { return refused }}, "refused"},
		{"stream<u8>", "f(-)", "", &daemon{answer: func(*stream) error { return nil }}, "the daemon has not said how the call ended"},
	} {
		if _, _, _, err := call(t, "async func(a: "+tt.typ+")", tt.call, tt.stdin, tt.daemon); fmt.Sprint(err) != tt.want {
			t.Errorf("%s: %v", tt.call, err)
		}
	}
}

// What comes for nobody, or is of another type, ends the call.
func TestUnexpected(t *testing.T) {
	value := &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: "x"}}
	for want, m := range map[string]*reactorv1.CallResponse{
		"something came on channel 7": {Part: &reactorv1.CallResponse_Items{Items: &reactorv1.CallItems{Channel: 7}}},
		"something came on channel 3": {Part: &reactorv1.CallResponse_Future{Future: &reactorv1.CallFuture{Channel: 3}}},
		"result is not of the type":   {Part: &reactorv1.CallResponse_Result{Result: &reactorv1.CallResult{Value: value}}},
		"result has no kind":          {Part: &reactorv1.CallResponse_Result{Result: &reactorv1.CallResult{Value: &reactorv1.Value{}}}},
	} {
		d := &daemon{answer: func(s *stream) error {
			s.send(m)
			s.end()
			return nil
		}}
		if _, _, _, err := call(t, "async func() -> stream<u32>", "f()", "", d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The name of an open connection means no file, also where a connection can't be given.
func TestMisplacedConnection(t *testing.T) {
	_, _, _, err := call(t, "async func(a: stream<u32>)", "f(@db)", "", &daemon{})
	if want := `args[0]: the connection "db" can only be given for a tcp-socket or a stream<u8>`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
