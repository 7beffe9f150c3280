package engine

import (
	"errors"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// TestHandles: the handles of an export are copied once two instances have had the same, and work like wazero's. It fails when
// wazero has other fields than expected.
func TestHandles(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	for n := range 5 {
		i := start(t, m, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
		if copied := m.handles.confirmed("recurse") != nil; copied != (n >= 2) {
			t.Errorf("before instance %d: copied is %t", n, copied)
		}
		for _, depth := range []uint64{1, 10, 100, 2000} {
			if got := call(t, i, "recurse", depth); got != depth {
				t.Fatalf("instance %d: recursion %d deep: %d", n, depth, got)
			}
			runtime.GC()
		}
	}
	p := m.handles.confirmed("recurse").handle.UnsafePointer()
	if (*e.stacks.parentOf(p)) != nil {
		t.Error("the pattern holds an instance")
	}
}

// TestHandlesAreRecycled: what nobody uses any more is used again, for other functions of other guests, and holds nothing of the guest
// before.
func TestHandlesAreRecycled(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	for n := range 6 {
		i := start(t, m, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
		for _, depth := range []uint64{3, 2000}[:1+n%2] { // every other guest needs more stack
			if got := call(t, i, "recurse", depth); got != depth {
				t.Fatalf("instance %d: recursion %d deep: %d", n, depth, got)
			}
		}
		used := i.function
		grown := len(*e.stacks.stackOf(reflect.ValueOf(used).UnsafePointer())) > parkedStack
		i.Close()
		for at, b := range bytesOf(reflect.ValueOf(used)) {
			if !grown && b != 0 && !e.stacks.inStack(uintptr(at)) {
				t.Fatalf("instance %d: byte %d of an unused handle is %#x", n, at, b)
			}
		}
	}
}

// TestGrownStacks: a handle whose stack has grown is used again for the same export, with that stack, and holds nothing of the guest
// before. One that has grown much is not.
func TestGrownStacks(t *testing.T) {
	e := newEngine(t, Config{})
	host := hostCall(t, e)
	m := loadLinked(t, e, "guest", Linking{{Name: "call", Host: true}})
	for _, tt := range []struct {
		depth uint64
		kept  bool
	}{{30, true}, {500, false}} {
		kept := false
		for n := 0; n < 20 && !kept; n++ { // a sync.Pool may forget
			group := newGroup(t, e, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
			mustCall(t, mustInstantiate(t, group, m, host), "recurse", tt.depth)
			group.Close()
			p := m.handles.confirmed("recurse")
			if p == nil {
				continue
			}
			used, ok := p.grown.Get().(api.Function)
			if !ok {
				continue
			}
			kept = true
			stack := *e.stacks.stackOf(reflect.ValueOf(used).UnsafePointer())
			if len(stack) <= parkedStack || len(stack) > mostGrown || slices.ContainsFunc(stack, func(b byte) bool { return b != 0 }) {
				t.Errorf("a stack of %d bytes is kept: %v", len(stack), stack)
			}
		}
		if kept != tt.kept {
			t.Errorf("after a recursion %d deep the stack is kept: %t", tt.depth, kept)
		}
	}
}

// inStack reports whether a byte of a handle is part of the field with its stack.
func (f *stackFields) inStack(at uintptr) bool {
	return at >= f.stack && at < f.stack+unsafe.Sizeof([]byte{})
}

// TestHandlesTrap: a copied handle traps like another.
func TestHandlesTrap(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	for n := range 4 {
		i := start(t, m, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
		_, err := i.Call("load", 1<<31)
		trap, ok := errors.AsType[*Trap](err)
		if !ok || trap.Code != MemoryOutOfBounds || len(trap.Frames) == 0 {
			t.Errorf("instance %d: %v", n, err)
		}
	}
}

// TestOtherHandles: if the handles of two instances differ, or the fields are not as expected, wazero makes them.
func TestOtherHandles(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	host := &guest{call: func(*guest, uint32) uint32 { return 0 }}
	call(t, start(t, m, host, InstanceConfig{}), "recurse", 3)
	bytesOf(m.handles.patterns["recurse"].handle)[0] ^= 1
	for range 3 {
		call(t, start(t, m, &guest{call: host.call}, InstanceConfig{}), "recurse", 3)
		if m.handles.confirmed("recurse") != nil {
			t.Fatal("a handle that differs from the pattern has confirmed it")
		}
	}
}

// TestStartOfAnother: a start function that is imported runs once, where it is defined.
func TestStartOfAnother(t *testing.T) {
	const (
		header  = "\x00asm\x01\x00\x00\x00"
		counter = header + "\x01\x08\x02\x60\x00\x00\x60\x00\x01\x7f" + "\x03\x03\x02\x00\x01" + "\x06\x06\x01\x7f\x01\x41\x00\x0b" +
			"\x07\x09\x02\x01f\x00\x00\x01n\x00\x01" + "\x0a\x10\x02\x09\x00\x23\x00\x41\x01\x6a\x24\x00\x0b\x04\x00\x23\x00\x0b"
		starter = header + "\x01\x04\x01\x60\x00\x00" + "\x02\x07\x01\x01a\x01f\x00\x00" + "\x08\x01\x00"
	)
	e := newEngine(t, Config{})
	loadText := func(name, binary string, linking Linking) *Module {
		m, err := e.LoadLinked(t.Context(), name, linking, func() ([]byte, error) { return []byte(binary), nil })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Release)
		return m
	}
	provider, module := loadText("counter", counter, nil), loadText("starter", starter, Linking{{Name: "f"}})
	if info := module.Info(); !info.HasStart || !info.StartImported || info.StartImport != 0 {
		t.Errorf("of the start function is said %t, %t, %d", info.HasStart, info.StartImported, info.StartImport)
	}
	for range 4 {
		group := newGroup(t, e, &guest{}, InstanceConfig{})
		core, err := group.Instantiate(provider)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := group.Instantiate(module, core); err != nil {
			t.Fatal(err)
		}
		if got := mustCall(t, core, "n"); got != 1 {
			t.Errorf("it has run %d times", got)
		}
	}
	if provider.handles.confirmed("f") == nil {
		t.Error("its handle is not copied")
	}
}
