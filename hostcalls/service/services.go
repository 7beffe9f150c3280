package service

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Handler is what a component answers requests by.
type Handler interface {
	// Handle begins to answer a request. It is called in a job of component.Store.Do. An error ends the store. call is the component's
	// call for it; nil if it can be neither withdrawn nor cancelled.
	Handle(store *component.Store, x *wasihttp.Exchange) (call component.Ongoing, err error)
	// Concurrent reports whether an instance can answer a request while another one waits.
	Concurrent() bool
}

// Services makes the processes of components that serve. It implements component.Services.
type Services struct {
	// Find returns the handler among the exports of a component, if there is one.
	Find func(exports []abi.Export) (Handler, bool)
}

var _ component.Services = Services{}

// errNoHandler means that a component answers no requests.
const errNoHandler = "the component exports no handler of HTTP requests: it has to export wasi:http/handler@0.3, or wasi:http/incoming-handler@0.2"

// Check implements component.Services.
func (s Services) Check(module *abi.Description, entry abi.Entry) (faults []abi.Fault) {
	at, _, err := listenerOf(entry.Grants, entry.Serve.Offer)
	if err != nil {
		faults = append(faults, abi.Fault{Field: "grants", Text: err.Error()})
	}
	if at != noListener && !s.Serves(module.Exports) {
		text := errNoHandler
		if !entry.Serve.Offer && offers(module) == nil {
			text += "; `--offer` has it serve its functions to other workloads"
		}
		faults = append(faults, abi.Fault{Field: "serve", Text: text})
	}
	if entry.Serve.Offer {
		if err := offers(module); err != nil {
			faults = append(faults, abi.Fault{Field: "serve.offer", Text: err.Error()})
		}
	}
	return faults
}

// errNoOffer means that a component has nothing for other workloads.
var errNoOffer = errors.New("the component exports no function that other workloads can call")

// offers returns why other workloads can call no function of a component, or nil if they can.
func offers(module *abi.Description) error {
	if module.Signatures == nil {
		return errNoOffer
	}
	all, err := module.Signatures.Resolve()
	if err != nil {
		return err
	}
	err = errNoOffer
	for i := range all.Functions {
		f := &all.Functions[i]
		barrier := link.Barrier(f.Func)
		if barrier == nil {
			return nil
		}
		name := link.Function{Interface: f.Interface, Name: f.Name}
		err = fmt.Errorf("%w: resources and error contexts can't go there, and %s takes or returns %s", errNoOffer, name.FullName(), barrier)
	}
	return err
}

// Serves implements component.Services.
func (s Services) Serves(exports []abi.Export) bool {
	_, ok := s.Find(exports)
	return ok
}

// New implements component.Services.
func (s Services) New(p *component.Program, config *abi.Config) (abi.Process, error) {
	handler, ok := s.Find(p.Description().Exports)
	at, listener, err := listenerOf(config.Grants, config.Serve.Offer)
	if err != nil {
		return nil, err
	}
	if at != noListener && !ok {
		return nil, &abi.EntryError{Msg: errNoHandler}
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config.SetDefaults()
	return newSupervisor(p, handler, config, at, listener), nil
}

// The defaults of services. Those of instances that can't answer requests at the same time are for isolation: each of them answers
// one, as one that has a state of its own left should not answer another.
const (
	defaultConcurrent = 128
	defaultRequests   = 1 << 10
	defaultSerial     = 256 // instances that have a request each
	defaultQueue      = 1 << 10
	defaultIdle       = time.Second
	defaultTimeout    = time.Minute
)

// concurrent reports whether an instance of a component can do several things at a time: it says so for requests, and for calls of other
// workloads it can if a function of it can wait.
func concurrent(h Handler, offered *link.Exports) bool {
	if h != nil {
		return h.Concurrent()
	}
	return offered.Async()
}

// policyOf returns the policy of a service.
func policyOf(s *abi.Service, concurrent bool) Policy {
	p := Policy{Instances: min(runtime.GOMAXPROCS(0), 8), Concurrent: defaultConcurrent, Requests: defaultRequests}
	if !concurrent {
		p = Policy{Instances: defaultSerial, Concurrent: 1, Requests: 1}
	}
	p.Instances = cmp.Or(s.Instances, p.Instances)
	p.Concurrent = cmp.Or(s.Concurrent, p.Concurrent)
	if !concurrent {
		p.Concurrent = 1
	}
	p.Requests = cmp.Or(s.Requests, p.Requests)
	p.Idle = cmp.Or(s.Idle, defaultIdle)
	p.Queue = cmp.Or(s.Queue, defaultQueue)
	return p
}

// noListener is the place of the listener of a service that has none, since it only serves calls of other workloads.
const noListener = -1

// listenerOf returns the only listener among the grants, and its place. There may be none if the service offers its functions.
func listenerOf(grants []capability.Grant, offers bool) (at int, l capability.Listener, err error) {
	var all finder
	for i, g := range grants {
		before := len(all.found)
		if err := g.Open(&all); err != nil {
			return 0, l, err
		}
		if len(all.found) > before {
			at = i
		}
	}
	switch {
	case len(all.found) == 0 && offers:
		return noListener, l, nil
	case len(all.found) == 0:
		return 0, l, errors.New("a service needs a listener: the address that it serves at")
	case len(all.found) > 1:
		return 0, l, fmt.Errorf("a service has one listener, the address that it serves at, and not %d", len(all.found))
	case all.found[0].Protocol != 0:
		return 0, l, errors.New("a service listens over TCP")
	}
	return at, all.found[0], nil
}

// finder is a capability.Opener that opens nothing, and notes the listeners.
type finder struct{ found []capability.Listener }

func (*finder) OpenFolder(capability.Folder) error        { return nil }
func (*finder) SetEnv(string, capability.Reference) error { return nil }
func (*finder) Link(capability.Link) error                { return nil }
func (*finder) Connect(capability.Connection) error       { return nil }

func (f *finder) Listen(l capability.Listener) error {
	f.found = append(f.found, l)
	return nil
}
