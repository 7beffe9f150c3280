package intake

import (
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// The most that a service may ask for.
const (
	maxInstances  = 4096
	maxConcurrent = 64 << 10
	maxWaiting    = 64 << 10
	maxIdle       = time.Hour
	maxRequest    = 24 * time.Hour
)

// checkService checks how a component is to serve, and what it can't have besides.
func checkService(f *errs.Faults, spec *api.Spec) {
	s := spec.Serve
	if s == nil {
		return
	}
	const alone = "a service has no such thing: its component answers requests"
	for _, field := range []struct {
		path string
		set  bool
	}{
		{"spec.call", spec.Call != nil},
		{"spec.invoke", spec.Invoke != ""},
		{"spec.stdin", len(spec.Stdin) > 0},
		{"spec.interactive", spec.Interactive},
		{"spec.stdin_from", spec.StdinFrom != ""},
		{"spec.stdout_to", spec.StdoutTo != ""},
	} {
		if field.set {
			f.Add(field.path, alone)
		}
	}
	for _, field := range []struct {
		path       string
		value, max uint32
	}{
		{"max_instances", s.MaxInstances, maxInstances},
		{"max_concurrent_requests", s.MaxConcurrentRequests, maxConcurrent},
		{"max_waiting_requests", s.MaxWaitingRequests, maxWaiting},
	} {
		if field.value > field.max {
			f.Add("spec.serve."+field.path, "%d is above the maximum, %d", field.value, field.max)
		}
	}
	for _, field := range []struct {
		path       string
		value, max time.Duration
	}{
		{"idle_timeout", s.IdleTimeout, maxIdle},
		{"request_timeout", s.RequestTimeout, maxRequest},
	} {
		if field.value < 0 || field.value > field.max {
			f.Add("spec.serve."+field.path, "%v is not between 0 and %v", field.value, field.max)
		}
	}
	if (s.Certificate == "") != (s.Key == "") {
		f.Add("spec.serve.key", "a certificate and its key are given together")
	}
	grant.CheckReference(f, "spec.serve.certificate", s.Certificate)
	grant.CheckReference(f, "spec.serve.key", s.Key)
}
