package component

import (
	"errors"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// What realloc and post-return of passing.wat do.
const (
	passingNormal = iota
	passingTrap
	passingCallsHost
	passingMakesSet
	passingYields
	passingComputes
)

// texts is the host of passing.wat.
type texts struct {
	asked chan *Operation // each begins when a text is asked for
	host  *HostEnd
	notes int
}

func (x *texts) config() Config {
	return Config{Interfaces: []Interface{{Name: "test:host/texts", Version: "0.1.0", Functions: []Function{
		{Name: "later", Type: "async func() -> string", Later: true, Call: func(c *Call) {
			o := &Operation{Op: hostcalls.Op{Kind: hostcalls.OpTimer}, Finish: func(c *Call) { c.Results.String("hello") }}
			c.Later(o)
			x.asked <- o
		}},
		{Name: "promise", Type: "func() -> future<string>", Call: func(c *Call) {
			h, readable := c.Store().NewFuture(c.Results.Type(), x)
			x.host = h
			c.Results.Future(readable)
		}},
		{Name: "note", Type: "func(n: u32)", Call: func(*Call) { x.notes++ }},
	}}}}
}

// Produce implements Producer.
func (x *texts) Produce(to *Items) bool {
	to.Writer(1).String("hello")
	return false
}

// Stop implements Producer.
func (x *texts) Stop() {}

// passing serves passing.wat.
func passing(t *testing.T) (*texts, *service) {
	t.Helper()
	x := &texts{asked: make(chan *Operation, 8)}
	n := newNode(t, x.config())
	return x, n.serve(n.load("passing"), abi.Config{}, executor.TaskSpec{})
}

// answer calls an export, and answers the host's call if it makes one.
func (x *texts) answer(v *service, export string, args ...value.Value) (result uint32, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var got value.Value
		got, err = v.call(export, args...)
		result = uint32(got.Bits)
	}()
	select {
	case o := <-x.asked:
		o.Done()
		<-done
	case <-done:
	}
	return result, err
}

// The first four bytes of the texts that are passed.
const asHell, asEllo, asText = 0x6c6c6568, 0x6f6c6c65, 0x74786574

// 17: realloc runs with context slots of 0, wherever it is called, and the call that it interrupts, or that waits, has its own
// afterwards.
func TestContextOfRealloc(t *testing.T) {
	x, v := passing(t)
	for _, mode := range []uint32{passingNormal, passingComputes} { // it is preempted when it computes
		for _, set := range []string{"set-mode", "set-callee-mode"} {
			if _, err := v.call(set, u32s(mode)...); err != nil {
				t.Fatal(err)
			}
		}
		for export, want := range map[string]uint32{"asks-host": asHell, "asks-callee": asEllo, "asks-text": asText, "reads": asHell} {
			if got, err := x.answer(v, export); err != nil || got != want {
				t.Errorf("%s = %#x, %v, want %#x", export, got, err, want)
			}
		}
	}
	// A call waits, whose slots are in the instance, while another one is given a text.
	waits := make(chan uint64, 1)
	v.Do(func() error { return v.Invoke("asks-host", nil, func(r []value.Value) { waits <- r[0].Bits }) })
	o := <-x.asked
	if got, err := v.call("takes", value.Value{Bytes: []byte("abc")}); err != nil || got.Bits != 3 {
		t.Errorf("takes = %d, %v", got.Bits, err)
	}
	o.Done()
	select {
	case got := <-waits:
		if got != asHell {
			t.Errorf("what has waited got %#x", got)
		}
	case <-v.ended:
	}
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// 17, 18: realloc and post-return may call nothing that leaves their instance, whoever calls them, and they can trap.
func TestConfinedFunctions(t *testing.T) {
	const confined = "cannot leave component instance"
	for _, mode := range []struct {
		number uint32
		want   string
	}{{passingTrap, "unreachable"}, {passingCallsHost, confined}, {passingMakesSet, confined}, {passingYields, confined}} {
		for _, tt := range []struct{ name, set, export string }{
			{"realloc, for the host's result", "set-mode", "asks-host"},
			{"realloc, for the result of another component", "set-mode", "asks-callee"},
			{"realloc, for the value of a future", "set-mode", "reads"},
			{"realloc, for an argument of another component", "set-callee-mode", "asks-callee"},
			{"post-return, with another component", "set-callee-mode", "asks-text"},
			{"post-return, with the host", "set-callee-mode", "text"},
			{"post-return, with nothing to free", "set-callee-mode", "four"},
		} {
			t.Run(tt.name+", "+mode.want, func(t *testing.T) {
				x, v := passing(t)
				if _, err := v.call(tt.set, u32s(mode.number)...); err != nil {
					t.Fatal(err)
				}
				_, err := x.answer(v, tt.export)
				if err == nil { // the host has its result before post-return is called
					err = v.stop()
				}
				wantTrap(t, err, mode.want)
				if x.notes > 0 {
					t.Error("the host was called")
				}
				v.wantNothing(v.Store)
			})
		}
	}
}

// 18: post-return runs once, with the core result, after that was read, also when there is nothing to free.
func TestPostReturn(t *testing.T) {
	x, v := passing(t)
	for i, tt := range []struct {
		export string
		args   []value.Value
		posted uint64
	}{
		{"asks-text", nil, 16},
		{"four", nil, 1234},
		{"digits4", u32s(5, 6, 7, 8), 5678},
	} {
		if _, err := x.answer(v, tt.export, tt.args...); err != nil {
			t.Fatalf("%s: %v", tt.export, err)
		}
		got, err := v.call("posts")
		if want := tt.posted<<32 | uint64(i+1); err != nil || got.Bits != want {
			t.Errorf("after %s: %d post-returns, the last with %d, %v; want %d with %d",
				tt.export, uint32(got.Bits), got.Bits>>32, err, i+1, tt.posted)
		}
	}
	if got, err := v.call("text"); err != nil || string(got.Bytes) != "text" {
		t.Errorf("text = %q, %v", got.Bytes, err)
	}
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// 19: An asynchronous call takes the address of its result last, and more than four arguments in memory. The memory is the one
// that there is when the result is written.
func TestAsyncArguments(t *testing.T) {
	for _, tt := range []struct {
		export string
		args   []value.Value
		want   uint32
		trap   string
	}{
		{export: "four", want: 1234},
		{export: "five", want: 12345},
		{export: "five-beyond", args: u32s(65536 - 16), trap: "digits5: the parameters of 20 bytes at 65520"},
		{export: "five-beyond", args: u32s(0xffff_fffc), trap: "beyond the memory"},
		{export: "five-beyond", args: u32s(66), trap: "not aligned"},
		{export: "grows", want: asHell},
		{export: "does-not-grow", trap: "beyond the memory"},
		{export: "odd", trap: "room for the result"},
	} {
		t.Run(strings.TrimSpace(tt.export+" "+tt.trap), func(t *testing.T) {
			x, v := passing(t)
			got, err := x.answer(v, tt.export, tt.args...)
			switch {
			case tt.trap != "":
				wantTrap(t, err, tt.trap)
			case err != nil || got != tt.want:
				t.Errorf("%d, %v, want %d", got, err, tt.want)
			default:
				v.wantIdle()
			}
			if stopped := v.stop(); !errors.Is(stopped, err) {
				t.Errorf("the store ends with %v", stopped)
			}
		})
	}
}

// 20: task.return has the type, the memory and the encoding of the function that it returns from.
func TestReturnsOfOthers(t *testing.T) {
	n := newNode(t, Config{})
	p := n.load("returns")
	for _, export := range []string{"right", "type", "memory", "encoding"} {
		v := n.serve(p, abi.Config{}, executor.TaskSpec{})
		_, err := v.call(export)
		if export != "right" {
			wantTrap(t, err, "task.return: its type and options are not those of the function "+export)
		} else if err != nil {
			t.Error(err)
		}
		if stopped := v.stop(); !errors.Is(stopped, err) {
			t.Errorf("%s: the store ends with %v", export, stopped)
		}
	}
}

// 14: What waits while it is instantiated traps.
func TestWaitInStartFunction(t *testing.T) {
	n := newNode(t, Config{})
	s, err := n.load("starting").NewStore(&abi.Config{Driver: n.executor.Driver()})
	if err != nil {
		t.Fatal(err)
	}
	n.onFiber(executor.TaskSpec{}, func(f *executor.Fiber) {
		defer s.Close()
		wantTrap(t, s.Start(f), "a component can't wait while it is instantiated")
	})
	n.wantNothing(s)
}
