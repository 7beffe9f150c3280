package component

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

// testHost is the Host of a store in tests.
type testHost struct {
	things  Objects[*thing]
	dropped []string
	closed  bool
}

func (*testHost) Open() error               { return nil }
func (h *testHost) Close()                  { h.closed = true }
func (*testHost) ListenAddresses() []string { return nil }

func hostOf(c *Call) *testHost { return c.Host().(*testHost) }

// newThing makes a thing that is a part of another one, unless that is nil.
func (h *testHost) newThing(c *Call, name string, of Dropper) {
	c.Results.Own(h.things.Add(c.Store(), &thing{name: name, dropped: &h.dropped}, of))
}

// testInterfaces are the interfaces of the host in tests.
func testInterfaces() []Interface {
	return []Interface{
		{
			Name: "test:host/control", Version: "0.2.0",
			Functions: []Function{
				{Name: "sleep", Type: "func(ms: u32)", Call: func(c *Call) {
					c.Sleep(time.Now().Add(time.Duration(c.Args.U32()) * time.Millisecond))
				}},
				{Name: "exit", Type: "func(code: u32)", Call: func(c *Call) { c.Exit(c.Args.U32()) }},
				{Name: "fail", Type: "func()", Call: func(c *Call) { c.Trap("it is not possible to %s", "fail") }},
				{Name: "work", Type: "func(units: u64)", Call: func(c *Call) { c.Charge(int64(c.Args.U64())) }},
			},
		},
		{
			Name: "test:host/things", Version: "0.2.7", Types: "resource thing;",
			Functions: []Function{
				{Name: "make", Type: "func(name: string) -> thing", Call: func(c *Call) { hostOf(c).newThing(c, c.Args.String(), nil) }},
				{Name: "part", Type: "func(of: borrow<thing>, name: string) -> thing", Call: func(c *Call) {
					h := hostOf(c)
					of := h.things.Get(c.Args.Borrow())
					h.newThing(c, c.Args.String(), of)
				}},
				{Name: "[method]thing.name", Type: "func(self: borrow<thing>) -> string", Call: func(c *Call) {
					c.Results.String(hostOf(c).things.Get(c.Args.Borrow()).name)
				}},
				{Name: "swallow", Type: "func(t: thing, u: borrow<thing>)", Call: func(c *Call) {
					t, _ := c.Args.Own(), c.Args.Borrow()
					hostOf(c).things.Drop(c, t)
				}},
			},
			Resources: []Resource{{"thing", func(c *Call, rep uint32) { hostOf(c).things.Drop(c, rep) }}},
		},
	}
}

func testConfig(last **testHost) Config {
	return Config{
		Interfaces: testInterfaces(),
		NewHost: func(*Store, *abi.Config) (Host, error) {
			h := &testHost{}
			if last != nil {
				*last = h
			}
			return h, nil
		},
	}
}

// A component has objects of the host by handles. What it leaves is dropped when the store is closed, the newest first.
func TestHostObjects(t *testing.T) {
	var host *testHost
	n := newNode(t, testConfig(&host))
	p := n.load("host")
	for _, tt := range []struct {
		export  string
		want    []value.Value
		dropped []string // by the component
		left    []string
	}{
		{"leak", u32s(2), nil, []string{"part", "thing"}},
		{"name", []value.Value{{Bytes: []byte("thing")}}, []string{"thing"}, nil},
		{"drop-both", nil, []string{"part", "thing"}, nil},
		{"swallow", nil, []string{"thing"}, []string{"thing"}},
	} {
		n.inStore(p, func(s *Store) {
			got, err := s.CallExport(tt.export, nil)
			if err != nil || !slices.EqualFunc(got, tt.want, func(a, b value.Value) bool { return a.Bits == b.Bits && string(a.Bytes) == string(b.Bytes) }) {
				t.Errorf("%s = %v, %v", tt.export, got, err)
			}
			if !slices.Equal(host.dropped, tt.dropped) || host.things.Len() != len(tt.left) {
				t.Errorf("%s dropped %q, and %d things are left", tt.export, host.dropped, host.things.Len())
			}
			host.dropped = nil
		})
		if !slices.Equal(host.dropped, tt.left) || !host.closed {
			t.Errorf("%s: the end dropped %q, closed %v", tt.export, host.dropped, host.closed)
		}
	}
}

// A component that breaks a rule in a call of the host traps. The message names the function and says what was wrong.
func TestHostTraps(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("host")
	for _, tt := range []struct {
		export string
		args   []value.Value
		want   string
	}{
		{"drop-whole", nil, "dropped while it has 1 others"},
		{"swallow-lent", nil, "test:host/things@0.2.1#swallow: u: unknown handle index 1"},
		{"name-of", u32s(9), "test:host/things@0.2.1#[method]thing.name: self: unknown handle index 9"},
		{"make-of", u32s(65530, 10), "test:host/things@0.2.1#make: name: a string of 10 bytes at 65530 is beyond the memory of 65536 bytes"},
		{"make-of", u32s(0, 0xffffffff), "test:host/things@0.2.1#make: name: a string of 4294967295 bytes"},
		{"name-to", u32s(65536), "test:host/things@0.2.1#[method]thing.name: room for the result"},
		{"name-to", u32s(65), "not aligned"},
		{"fail", nil, "it is not possible to fail"},
	} {
		n.inStore(p, func(s *Store) {
			_, err := s.CallExport(tt.export, tt.args)
			trap, ok := errors.AsType[*engine.Trap](err)
			if !ok || !strings.Contains(trap.Message, tt.want) {
				t.Errorf("%s ends with %v, want a trap with %q", tt.export, err, tt.want)
			}
		})
	}
}

func TestExit(t *testing.T) {
	n := newNode(t, testConfig(nil))
	exit, err := n.run(n.load("host"), &abi.Config{Call: &abi.FunctionCall{Export: "exit", Args: []value.Literal{number(3)}}})
	if err != nil || exit.Code != 3 || exit.Result != nil {
		t.Errorf("%+v, %v", exit, err)
	}
}

// A component that waits in a host call is parked, shows what it waits for, and ends when it is cancelled.
func TestCancelledWait(t *testing.T) {
	n := newNode(t, testConfig(nil))
	process, err := n.load("host").NewProcess(&abi.Config{
		Driver: n.executor.Driver(), Call: &abi.FunctionCall{Export: "sleep", Args: []value.Literal{number(1 << 30)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	parked, done, cause := make(chan struct{}), make(chan error, 1), errors.New("cancelled")
	task, err := n.executor.Spawn(executor.TaskSpec{
		Turn:  abi.Turns(process, func(_ abi.Exit, err error) { done <- err }),
		Waits: &executor.WaitHooks{OnPark: func(*executor.Task) { close(parked) }, OnResume: func(*executor.Task) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-parked:
	case err := <-done:
		t.Fatalf("it ended: %v", err)
	}
	if ops := process.AppendOps(nil); len(ops) != 1 || process.LastCall() != "test:host/control@0.2.0#sleep" {
		t.Errorf("it waits for %v in %q", ops, process.LastCall())
	}
	task.Cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("%v, want %v", err, cause)
	}
}
