package wasip3_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/hostcalls/wasihttp/wasihttptest"
	"github.com/reactord/reactord/hostcalls/wasip3"
)

// serving is a component that answers requests as their path says; its source says how.
const serving = "../../integration/testdata/services/service.wasm"

// newServing starts the component.
func newServing(t *testing.T) *wasihttptest.Service {
	t.Helper()
	n := newNode(t)
	components, err := component.New(versions.Config(files.NewAppends()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := components.LoadProgram(t.Context(), n.engine, abi.Source{Digest: strings.Repeat("1", 64), Read: func() ([]byte, error) { return os.ReadFile(serving) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return wasihttptest.New(t, n.executor, p, &abi.Config{MemoryBytes: 64 << 20})
}

// A response is told when the component has written all of it, if it does so in a row and within its quantum, and otherwise when the
// component stops.
func TestAnswersAtOnce(t *testing.T) {
	s := newServing(t)
	whole := func(path string) bool {
		answered := make(chan bool, 1)
		s.Do(&wasihttp.Request{
			Method: "GET", Scheme: "http", Authority: "x", PathWithQuery: path, Fields: &wasihttp.Fields{}, Body: wasihttp.Empty(),
		}, func(r *wasihttp.Response, err error) {
			if err != nil {
				t.Errorf("%s: %v", path, err)
				answered <- false
				return
			}
			_, all := r.Body.Whole()
			r.Body.Close(nil)
			answered <- all
		})
		return <-answered
	}
	for !whole("/") { // a busy machine's quantum may be over before
		if t.Failed() {
			break
		}
	}
	if whole("/count?3") {
		t.Error("a response whose body comes later is told with all of it")
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// unasked is an Asker that nobody may tell anything.
type unasked struct{ *testing.T }

func (u unasked) Answer(*wasihttp.Response, error) { u.Error("it is answered") }
func (u unasked) Done()                            { u.Error("it is done") }

// A request that is withdrawn before the component begins with it leaves nothing, and can be made anew.
func TestWithdrawnRequest(t *testing.T) {
	s := newServing(t)
	const fieldBytes, many = 10_000, 1000
	fields := &wasihttp.Fields{}
	if err := fields.Append("x", strings.Repeat("y", fieldBytes)); err != nil {
		t.Fatal(err)
	}
	request := &wasihttp.Request{Method: "GET", Scheme: "http", Authority: "x", PathWithQuery: "/", Fields: fields, Body: wasihttp.Empty()}
	ask := func() {
		answered := make(chan struct{})
		s.Do(request, func(r *wasihttp.Response, err error) {
			defer close(answered)
			if err != nil || r.Status != 200 {
				t.Errorf("%+v, %v", r, err)
				return
			}
			r.Body.Close(nil)
		})
		<-answered
		s.Idle()
	}
	ask()
	before := s.Store.PeakMemory()
	for range many {
		s.Store.Do(func() error {
			call, err := wasip3.Handle(s.Store, "wasi:http/handler@0.3.2#handle", &wasihttp.Exchange{Request: request, Asker: unasked{t}})
			if err == nil && (call.Begun() || !call.Withdraw()) {
				t.Error("it is not withdrawn")
			}
			return err
		})
	}
	ask()
	if more := s.Store.PeakMemory() - before; more > 20*fieldBytes {
		t.Errorf("%d requests that were withdrawn have left %d bytes", many, more)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRequestsLeaveNothing: what a component has for a request counts as its memory no longer when the request is answered.
func TestRequestsLeaveNothing(t *testing.T) {
	s := newServing(t)
	for _, path := range []string{"/", "/echo"} {
		ask := func() {
			answered := make(chan struct{})
			s.Do(&wasihttp.Request{
				Method: "POST", Scheme: "http", Authority: "x", PathWithQuery: path, Fields: &wasihttp.Fields{}, Body: wasihttp.Empty(),
			}, func(r *wasihttp.Response, err error) {
				defer close(answered)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					return
				}
				go func() {
					body := r.Body.Stream(t.Context())
					_, _ = io.Copy(io.Discard, body)
					_ = body.Close()
				}()
			})
			<-answered
			s.Idle()
		}
		const warm, many = 200, 2000
		for range warm {
			ask()
		}
		before := s.Store.PeakMemory()
		for range many {
			ask()
		}
		// A request may come before all of the last one is gone, so the peak grows a little.
		if more := s.Store.PeakMemory() - before; more > many*wasi.ObjectBytes/2 {
			t.Errorf("%s: %d requests have left %d bytes", path, many, more)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
