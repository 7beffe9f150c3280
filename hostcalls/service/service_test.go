package service

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler answers requests in place of a component, on its fiber.
type handler func(store *component.Store, x *wasihttp.Exchange) (cancel func() error, err error)

func (h handler) Handle(store *component.Store, x *wasihttp.Exchange) (component.Ongoing, error) {
	cancel, err := h(store, x)
	if cancel == nil {
		return nil, err
	}
	return begun(cancel), err
}

// begun is a call that has begun, by what cancels it.
type begun func() error

func (begun) Begun() bool     { return true }
func (begun) Withdraw() bool  { return false }
func (c begun) Cancel() error { return c() }

func (handler) Concurrent() bool { return true }

// answering is a handler that answers with a text.
func answering(text string) handler {
	return func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		reply(store, x, text)
		return nil, nil
	}
}

// reply answers a request with a text, on the fiber.
func reply(store *component.Store, x *wasihttp.Exchange, text string) {
	body := wasihttp.NewBodyOf(int64(len(text)), false, func(*wasihttp.Body) {})
	if text == "" {
		body = wasihttp.Empty()
	} else {
		_, _ = body.Writer().Write([]byte(text))
		_ = body.End(nil)
	}
	body.OnClose(func(error) { store.Do(func() error { x.Done(); return nil }) })
	x.Answer(&wasihttp.Response{Status: 200, Fields: &wasihttp.Fields{}, Body: body}, nil)
}

// local is the grant of a listener at any port.
type local struct{}

func (local) String() string            { return "a listener" }
func (local) Handle() capability.Handle { return capability.SocketHandle }
func (local) Open(o capability.Opener) error {
	return o.Listen(capability.Listener{Address: "127.0.0.1:0"})
}

// journal is a sink that keeps what is written.
type journal struct {
	hostcalls.Discard
	mu   sync.Mutex
	text []byte
}

func (l *journal) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *journal) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// running is a service of a test.
type running struct {
	t       *testing.T
	process abi.Server
	task    *executor.Task
	url     string
	address string
	log     *journal
	client  *http.Client
	result  error         // valid when ended is closed
	ended   chan struct{} // closed when nothing is left of it
	stop    sync.Once
}

var errCancelled = errors.New("a client cancelled it")

// start starts a service, which is ended with the test.
func start(t *testing.T, serve abi.Service, h handler, change ...func(*abi.Config)) *running {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	services := Services{Find: func([]abi.Export) (Handler, bool) { return h, true }}
	a, err := component.New(component.Config{Services: services})
	if err != nil {
		t.Fatal(err)
	}
	program, err := a.Load(t.Context(), e, abi.Source{Digest: "guest", Read: func() ([]byte, error) {
		return os.ReadFile("../../integration/testdata/components/adding.wasm")
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &journal{}, ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}}}
	config := &abi.Config{Serve: &serve, Grants: []capability.Grant{local{}}, Driver: x.Driver(), Stderr: r.log}
	for _, c := range change {
		c(config)
	}
	process, err := program.NewProcess(config)
	if err != nil {
		t.Fatal(err)
	}
	r.process = process.(abi.Server)
	r.task, err = x.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(_ abi.Exit, err error) { r.result = err }),
		Done: func(*executor.Task) { r.process.Rest(func() { close(r.ended) }) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.end()
		program.Release()
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			t.Error(err)
		}
		if c := r.process.Counts(); c.Active+c.Waiting+c.Instances+c.Connections > 0 {
			t.Errorf("of the service is left: %+v", c)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); process.ListenAddresses() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not listen")
		}
	}
	r.address = process.ListenAddresses()[0]
	r.url = "http://" + r.address
	return r
}

// end ends the service, and waits until nothing of it is left.
func (r *running) end() {
	r.stop.Do(func() {
		r.task.Cancel(errCancelled)
		select {
		case <-r.ended:
		case <-time.After(30 * time.Second):
			r.t.Error("the service does not end")
		}
		r.client.CloseIdleConnections()
	})
}

// dial opens a connection.
func (r *running) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// await waits until something holds.
func (r *running) await(what string, holds func(c abi.ServiceCounts) bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c := r.process.Counts()
		if holds(c) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("it is not so that %s: %+v", what, c)
		}
	}
}
