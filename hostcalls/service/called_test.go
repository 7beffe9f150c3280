package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// neighbours are a workload that offers its functions, and others that call them.
type neighbours struct {
	*testing.T
	abi      *component.ABI
	engine   *engine.Engine
	executor *executor.Executor
	offers   *link.Offers
	of       string      // the workload that the others call
	imports  string      // the interface that they import
	gone     atomic.Bool // what that workload was granted
}

// linking is the Host of a store that calls the other workload.
type linking struct {
	*neighbours
	store *component.Store
	peer  link.Peer
	by    *lease.Lease
}

var errGrantGone = errors.New("what was granted is gone")

// Open implements component.Host.
func (h *linking) Open() error {
	if h.peer.ID == h.of && h.gone.Load() {
		return errGrantGone
	}
	imports := h.store.LinkImports(h.imports)
	if len(imports) == 0 {
		return nil
	}
	l := link.New(h.peer, h.of, imports)
	h.store.Link(h.imports, l, h.by)
	return l.Find()
}

func (*linking) Close()                    {}
func (*linking) ListenAddresses() []string { return nil }

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	n := &neighbours{T: t, engine: e, executor: x, offers: link.NewOffers(), of: "sums", imports: "example:sums/sums"}
	n.abi, err = component.New(component.Config{
		Services: Services{Find: func([]abi.Export) (Handler, bool) { return nil, false }},
		NewHost: func(s *component.Store, c *abi.Config) (component.Host, error) {
			h := &linking{neighbours: n, store: s, peer: c.Links}
			if len(c.Leases) > 0 {
				h.by = c.Leases[0]
			}
			return h, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *neighbours) load(name string) abi.Program {
	n.Helper()
	p, err := n.abi.Load(n.Context(), n.engine, abi.Source{Digest: name, Read: func() ([]byte, error) {
		return os.ReadFile("../../integration/testdata/components/" + name + ".wasm")
	}})
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(p.Release)
	return p
}

// workload is a process of a test.
type workload struct {
	abi.Process
	task  *executor.Task
	exit  abi.Exit
	err   error         // valid when ended is closed
	ended chan struct{} // closed when nothing is left of it
}

// run starts a process.
func (n *neighbours) run(id string, p abi.Program, config *abi.Config) *workload {
	n.Helper()
	config.Driver, config.Links = n.executor.Driver(), link.Peer{Offers: n.offers, Tenant: "t", ID: id}
	process, err := p.NewProcess(config)
	if err != nil {
		n.Fatal(err)
	}
	w := &workload{Process: process, ended: make(chan struct{})}
	w.task, err = n.executor.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(e abi.Exit, err error) { w.exit, w.err = e, err }),
		Done: func(*executor.Task) {
			if s, ok := process.(abi.Server); ok {
				s.Rest(func() { close(w.ended) })
				return
			}
			close(w.ended)
		},
	})
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() {
		w.task.Cancel(errCancelled)
		n.end(w)
	})
	return w
}

// end waits until a workload has ended.
func (n *neighbours) end(w *workload) {
	n.Helper()
	select {
	case <-w.ended:
	case <-time.After(30 * time.Second):
		n.Fatal("it does not end")
	}
}

// provide starts the workload that offers its functions.
func (n *neighbours) provide(serve abi.Service) *workload {
	n.Helper()
	serve.Offer = true
	w := n.run("sums", n.load("sums"), &abi.Config{Serve: &serve})
	n.offered("sums")
	return w
}

// offered waits until a workload offers its functions.
func (n *neighbours) offered(id string) {
	n.Helper()
	n.until("it offers its functions", func() bool {
		_, err := (link.Peer{Offers: n.offers, Tenant: "t"}).Find(id)
		return err == nil
	})
}

// begin starts a workload that calls a function, which calls the other workload.
func (n *neighbours) begin(p abi.Program, export string, args ...value.Literal) *workload {
	n.Helper()
	return n.run("summing", p, &abi.Config{Call: &abi.FunctionCall{Export: export, Args: args}})
}

// none is the argument of a function that has none.
const none = ^uint64(0)

// calling is a call of a function with a number.
func calling(export string, arg uint64) *abi.FunctionCall {
	call := &abi.FunctionCall{Export: export}
	if arg != none {
		call.Args = []value.Literal{number(arg)}
	}
	return call
}

// beginWith is begin with a number.
func (n *neighbours) beginWith(p abi.Program, export string, arg uint64) *workload {
	n.Helper()
	return n.run("piping", p, &abi.Config{Call: calling(export, arg)})
}

// until waits until something holds.
func (n *neighbours) until(what string, holds func() bool) {
	n.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			n.Fatalf("it is not so that %s", what)
		}
	}
}

// idle waits until a service has no calls.
func (n *neighbours) idle(w *workload) {
	n.Helper()
	n.until("the service has no calls", func() bool {
		c := w.Process.(abi.Server).Counts()
		return c.Active+c.Waiting == 0
	})
}

func text(s string) value.Literal { return value.Literal{Form: value.TextForm, Text: s} }

func number(n uint64) value.Literal { return value.Literal{Form: value.UintForm, Bits: n} }

// Values go to the other workload and back, however the function is lowered and lifted, and large ones, too.
func TestLinkedCalls(t *testing.T) {
	n := newNeighbours(t)
	provider := n.provide(abi.Service{})
	p := n.load("summing")
	large := strings.Repeat("x", abi.MaxResultBytes-1<<10)
	for _, tt := range []struct {
		export string
		arg    value.Literal
		want   value.Literal
	}{
		{"total", value.Literal{Form: value.ListForm, Items: []value.Literal{number(4294967295), number(2)}}, number(4294967297)},
		{"again", text("hello"), text("hello")},
		{"again", text(large), text(large)},
		{"hello", text("world"), text("world")},
		{"many", number(1000), number(1000)},
	} {
		w := n.begin(p, tt.export, tt.arg)
		n.end(w)
		if w.err != nil || w.exit.Result == nil || !reflect.DeepEqual(*w.exit.Result, tt.want) {
			t.Errorf("%s: %.200v, %v", tt.export, w.exit.Result, w.err)
		}
	}
	w := n.begin(p, "cancels")
	n.end(w)
	const cancelled = 4 // before it has returned
	if w.err != nil || w.exit.Result.Bits != cancelled {
		t.Errorf("a call that was cancelled is in the state %v, %v", w.exit.Result, w.err)
	}
	n.idle(provider)
}

// A caller traps when the other workload fails, and is told why. The other one goes on.
func TestLinkedTrap(t *testing.T) {
	n := newNeighbours(t)
	provider := n.provide(abi.Service{})
	p := n.load("summing")
	n.end(n.begin(p, "hello", text("it works")))
	for range 10 {
		w := n.begin(p, "crashes")
		n.end(w)
		const want = "workload sums, which gives it: the instance that had the call has ended: "
		if trap, ok := errors.AsType[*engine.Trap](w.err); !ok || !strings.Contains(trap.Message, want) || !strings.Contains(trap.Message, "unreachable") {
			t.Errorf("it ends with %v", w.err)
		}
	}
	w := n.begin(p, "hello", text("again"))
	if n.end(w); w.err != nil {
		t.Error(w.err)
	}
	n.idle(provider)
}

// A call that waits is shown with whom it waits for. It ends with its caller, with the other workload, and takes nothing of it then.
func TestLinkedEnds(t *testing.T) {
	n := newNeighbours(t)
	provider := n.provide(abi.Service{Instances: 1, Concurrent: 1})
	p := n.load("summing")
	for _, export := range []string{"waits", "computes"} {
		w := n.begin(p, export)
		waits := func() bool {
			ops := w.AppendOps(nil)
			return len(ops) == 1 && ops[0].Kind == hostcalls.OpCall && ops[0].Peer() == "sums" && strings.HasPrefix(ops[0].Target, "workload sums example:sums/sums@1.0.0#")
		}
		n.until("it waits for the other workload", waits)
		n.until("the other workload has the call", func() bool { return provider.Process.(abi.Server).Counts().Active == 1 })
		w.task.Cancel(errCancelled)
		if n.end(w); !errors.Is(w.err, errCancelled) {
			t.Errorf("%s: %v", export, w.err)
		}
		n.idle(provider)
	}
	w, waiting := n.begin(p, "waits"), n.begin(p, "waits")
	n.until("the other workload has both calls", func() bool {
		c := provider.Process.(abi.Server).Counts()
		return c.Active == 1 && c.Waiting == 1
	})
	provider.task.Cancel(errCancelled)
	n.end(provider)
	n.end(w)
	n.end(waiting)
	for _, w := range []*workload{w, waiting} {
		if !strings.Contains(fmt.Sprint(w.err), "workload sums, which gives it: it is ending") {
			t.Errorf("it ends with %v", w.err)
		}
	}
}

// A call ends when no instance can start for it, and calls after that are served again.
func TestLinkedNoStart(t *testing.T) {
	n := newNeighbours(t)
	provider, p := n.provide(abi.Service{Instances: 1, Requests: 1}), n.load("summing")
	hello := func() error {
		w := n.begin(p, "hello", text("world"))
		n.end(w)
		n.idle(provider)
		return w.err
	}
	if err := hello(); err != nil {
		t.Fatal(err)
	}
	n.gone.Store(true)
	for range 3 {
		if err := hello(); err == nil || !strings.Contains(err.Error(), errGrantGone.Error()) {
			t.Errorf("while none can start, it ends with %v", err)
		}
	}
	if c := provider.Process.(abi.Server).Counts(); c.Started > 5 {
		t.Errorf("%d instances for 4 calls", c.Started)
	}
	n.gone.Store(false)
	if err := hello(); err != nil {
		t.Error(err)
	}
}

// A call that was given up and goes on ends with its instance, also if others there wait without an end.
func TestLinkedStuck(t *testing.T) {
	n := newNeighbours(t)
	provider, p := n.provide(abi.Service{Instances: 1, Timeout: 100 * time.Millisecond}), n.load("summing")
	waits := n.begin(p, "waits")
	n.until("the other workload has a call", func() bool { return provider.Process.(abi.Server).Counts().Active == 1 })
	computes := n.begin(p, "computes")
	n.until("the other workload has both calls", func() bool { return provider.Process.(abi.Server).Counts().Active == 2 })
	computes.task.Cancel(errCancelled)
	n.end(computes)
	n.end(waits)
	if !strings.Contains(fmt.Sprint(waits.err), "workload sums, which gives it: the instance that had the request has ended") {
		t.Errorf("it ends with %v", waits.err)
	}
	n.idle(provider)
}

// What there is no room for is refused.
func TestLinkedRefusal(t *testing.T) {
	n := newNeighbours(t)
	provider, p := n.provide(abi.Service{Instances: 1, Concurrent: 1, Queue: 1}), n.load("summing")
	n.begin(p, "waits")
	n.begin(p, "waits")
	n.until("the other workload has both calls", func() bool {
		c := provider.Process.(abi.Server).Counts()
		return c.Active == 1 && c.Waiting == 1
	})
	w := n.begin(p, "hello", text("world"))
	if n.end(w); w.err == nil || !strings.Contains(w.err.Error(), "workload sums, which gives it: as many requests wait as may wait: 1") {
		t.Errorf("it ends with %v", w.err)
	}
}

// One caller with many calls does not keep others out, and is refused what is too much.
func TestLinkedTurns(t *testing.T) {
	n := newNeighbours(t)
	provider, p := n.provide(abi.Service{Instances: 1, Concurrent: 1, Queue: 4}), n.load("summing")
	counts := func() abi.ServiceCounts { return provider.Process.(abi.Server).Counts() }
	call := func(id, export string, args ...value.Literal) *workload {
		return n.run(id, p, &abi.Config{Call: &abi.FunctionCall{Export: export, Args: args}})
	}
	holder := call("holder", "waits")
	n.until("the other workload has the call", func() bool { return counts().Active == 1 })
	var many []*workload
	for range 4 {
		many = append(many, call("many", "hello", text("one of many")))
	}
	n.until("four calls wait", func() bool { return counts().Waiting == 4 })
	other := call("other", "hello", text("world"))
	n.until("one of them is refused", func() bool { return counts().Refused == 1 && counts().Waiting == 4 })
	holder.task.Cancel(errCancelled)
	if n.end(other); other.err != nil {
		t.Errorf("the other caller ends with %v", other.err)
	}
	failed := 0
	for _, w := range many {
		n.end(w)
		if w.err == nil {
			continue
		}
		failed++
		if !strings.Contains(w.err.Error(), "as many requests wait as may wait: 4") {
			t.Error(w.err)
		}
	}
	if failed != 1 {
		t.Errorf("%d of its calls have failed", failed)
	}
	n.idle(provider)
}

// A request of HTTP that gives way to a call is answered as one for which there is no room.
func TestGivesWay(t *testing.T) {
	let := make(chan struct{})
	r := start(t, abi.Service{Instances: 1, Concurrent: 1, Queue: 3, Offer: true}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		go func() {
			<-let
			store.Do(func() error { reply(store, x, "hello"); return nil })
		}()
		return nil, nil
	}), func(c *abi.Config) { c.Links = link.Peer{Offers: link.NewOffers(), Tenant: "t", ID: "adding"} })
	answers := make(chan int, 4)
	for range 4 {
		go func() {
			status, _ := r.get("/")
			answers <- status
		}()
	}
	r.await("one is active and three wait", func(c abi.ServiceCounts) bool { return c.Active == 1 && c.Waiting == 3 })
	results := make(chan link.Answer, 1)
	r.process.(*supervisor).Call(link.Call{Caller: "other", Function: "add-twice", Args: link.Parcel{Values: []value.Value{{Bits: 1}, {Bits: 2}}}}, func(a link.Answer) { results <- a })
	if status := <-answers; status != http.StatusServiceUnavailable {
		t.Errorf("what gives way is answered with %d", status)
	}
	close(let)
	for range 3 {
		if status := <-answers; status != http.StatusOK {
			t.Error(status)
		}
	}
	if a := <-results; a.Err != nil || len(a.Results.Values) != 1 {
		t.Errorf("the call: %+v", a)
	}
	if c := r.process.Counts(); c.Refused != 1 || c.Failed != 0 {
		t.Errorf("%+v", c)
	}
}

// Calls have lines in the access log, and those that do not return count as failed.
func TestLinkedLog(t *testing.T) {
	n := newNeighbours(t)
	log, p := &journal{}, n.load("summing")
	provider := n.run("sums", n.load("sums"), &abi.Config{Serve: &abi.Service{Offer: true, AccessLog: true, Instances: 1}, Stderr: log})
	n.until("it offers its functions", func() bool {
		_, err := (link.Peer{Offers: n.offers, Tenant: "t"}).Find("sums")
		return err == nil
	})
	n.end(n.begin(p, "hello", text("world")))
	n.end(n.begin(p, "crashes"))
	waits := n.begin(p, "waits")
	n.until("the other workload has the call", func() bool { return provider.Process.(abi.Server).Counts().Active == 1 })
	waits.task.Cancel(errCancelled)
	n.end(waits)
	n.idle(provider)
	for _, want := range []string{
		"service: call example:sums/sums@1.2.0#greet for workload summing returned in ",
		"service: call example:sums/sums@1.2.0#trap for workload summing failed: the instance that had the call has ended: ",
		"service: call example:sums/sums@1.2.0#never for workload summing failed: its caller gave it up, in ",
	} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("no line, or several, %q in\n%s", want, log)
		}
	}
	if c := provider.Process.(abi.Server).Counts(); c.Requests != 3 || c.Failed != 2 || c.Refused != 0 {
		t.Errorf("%+v", c)
	}
}

// What is on the way counts as memory of one of the two, and of none when the call is over.
func TestLinkedMemory(t *testing.T) {
	n := newNeighbours(t)
	const most = 8 << 20
	provider := n.run("sums", n.load("sums"), &abi.Config{Serve: &abi.Service{Offer: true, Instances: 1}, MemoryBytes: most})
	p := n.load("summing")
	n.offered("sums")
	large := strings.Repeat("x", abi.MaxResultBytes-1<<10)
	for i := range 30 {
		w := n.begin(p, "again", text(large))
		if n.end(w); w.err != nil {
			t.Fatalf("call %d: %v", i, w.err)
		}
	}
	if peak := provider.PeakMemory(); peak > most {
		t.Errorf("it has used %d bytes", peak)
	}
	n.idle(provider)
}

// A call that waits ends when what was granted is revoked, and the other workload is told.
func TestLinkedRevoked(t *testing.T) {
	n := newNeighbours(t)
	provider := n.provide(abi.Service{})
	by := lease.New("--link example:sums/sums=workload:sums")
	w := n.run("summing", n.load("summing"), &abi.Config{Call: &abi.FunctionCall{Export: "waits"}, Leases: []*lease.Lease{by}})
	n.until("the other workload has the call", func() bool { return provider.Process.(abi.Server).Counts().Active == 1 })
	by.Revoke()
	if n.end(w); !strings.Contains(fmt.Sprint(w.err), "the grant was revoked: --link example:sums/sums=workload:sums") {
		t.Errorf("it ends with %v", w.err)
	}
	n.idle(provider)
}
