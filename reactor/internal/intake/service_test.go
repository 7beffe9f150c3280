package intake

import (
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func TestService(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  api.Spec
		serve api.HTTPService
		want  []string
	}{
		{"the defaults", api.Spec{}, api.HTTPService{}, nil},
		{"all", api.Spec{}, api.HTTPService{
			MaxInstances: 1, MaxConcurrentRequests: 2, MaxInstanceRequests: 3, MaxWaitingRequests: 4, IdleTimeout: time.Second, RequestTimeout: time.Second,
			Certificate: "file:/c", Key: "env:K",
		}, nil},
		{"too much", api.Spec{}, api.HTTPService{
			MaxInstances: 1e6, MaxConcurrentRequests: 1e6, MaxInstanceRequests: 1e9, MaxWaitingRequests: 1e6, IdleTimeout: -1, RequestTimeout: 25 * time.Hour,
		}, []string{"max_instances", "max_concurrent_requests", "max_waiting_requests", "idle_timeout", "request_timeout"}},
		{"half of TLS", api.Spec{}, api.HTTPService{Certificate: "nowhere"}, []string{"key", "certificate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := c.spec
			spec.Serve = &c.serve
			var f errs.Faults
			checkService(&f, &spec)
			var got []string
			for _, fault := range f {
				got = append(got, fault.Path)
			}
			for i := range c.want {
				c.want[i] = "spec.serve." + c.want[i]
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A service is nothing else at the same time.
func TestServiceAlone(t *testing.T) {
	spec := api.Spec{
		Serve: &api.HTTPService{}, Call: &api.FunctionCall{Export: "f"}, Invoke: "i", Stdin: []byte("a"), Interactive: true, StdinFrom: "b", StdoutTo: "c",
	}
	var f errs.Faults
	checkService(&f, &spec)
	if len(f) != 6 {
		t.Errorf("%d faults: %v", len(f), f)
	}
}
