package service

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// tracer is a wasihttp.Tracer of a test: it puts the mark into requests, and notes how they ended.
type tracer struct {
	mu    sync.Mutex
	ended []string
}

type markKey struct{}

func (t *tracer) Received(r *http.Request) wasihttp.Traced {
	r.Header.Set("traceparent", "marked "+r.URL.Path)
	return wasihttp.Traced{
		Parent: context.WithValue(context.Background(), markKey{}, r.URL.Path),
		End: func(status int, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.ended = append(t.ended, fmt.Sprint(r.URL.Path, " ", status, " ", err))
		},
	}
}

func (t *tracer) Sending(context.Context, *http.Request) wasihttp.Traced { return wasihttp.Traced{} }

// notes is a sender that notes for which requests it sends.
type notes struct{ parents chan any }

func (n notes) Send(r *wasihttp.Request, _ func(*wasihttp.Response, error)) (op hostcalls.Op, cancel func()) {
	if r.Parent == nil {
		n.parents <- nil
	} else {
		n.parents <- r.Parent.Value(markKey{})
	}
	return op, func() {}
}

// A component gets the fields of its tracer, which is told how requests end, and what it sends has the request for which it does so, if
// the instance has no other one.
func TestTracer(t *testing.T) {
	seen := &tracer{}
	sent := notes{make(chan any, 1)}
	var s *running
	s = start(t, abi.Service{}, func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		_, _ = onlyInstance(s).config().HTTP.Send(&wasihttp.Request{}, nil)
		reply(store, x, x.Request.Fields.Get("traceparent")[0])
		return nil, nil
	}, func(c *abi.Config) { c.Tracer, c.HTTP = seen, sent })
	resp, err := s.client.Get(s.url + "/one")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); string(text) != "marked /one" {
		t.Errorf("the component is given %q, %v", text, err)
	}
	if parent := <-sent.parents; parent != "/one" {
		t.Errorf("what it sends is for %v", parent)
	}
	s.end()
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if got := fmt.Sprint(seen.ended); got != "[/one 200 <nil>]" {
		t.Errorf("it is told %s", got)
	}
}

func onlyInstance(r *running) *instance {
	s := r.process.(*supervisor)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.instances {
		return i
	}
	return nil
}
