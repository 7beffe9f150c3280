package component

import (
	"fmt"
	"testing"
)

// What is in use stays; of what is not, the longest idle goes when there is too much.
func TestDefinitions(t *testing.T) {
	table := newDefinitions()
	add := func(n int, bytes int64) *definition {
		return table.add(&definition{digest: fmt.Sprint(n), bytes: bytes})
	}
	first := add(0, 1)
	if same := add(0, 1); same != first {
		t.Error("there are two definitions of a digest")
	}
	table.release(first)
	table.release(first)
	inUse := add(1, maxIdleBytes)
	for n := range maxIdle {
		table.release(add(2+n, 1))
	}
	if table.hold("0") != nil {
		t.Errorf("more than %d are idle", maxIdle)
	}
	if table.hold("1") != inUse {
		t.Error("a definition that is in use is gone")
	}
	table.release(inUse)
	table.release(inUse)
	if table.hold("2") != nil || table.bytes > maxIdleBytes {
		t.Errorf("%d bytes are idle", table.bytes)
	}
}

// Two components that are the same share what they mean; and so do two loads, one after the other.
func TestLoadsShare(t *testing.T) {
	n := newNode(t, Config{})
	load := func() *Program {
		p, err := n.abi.LoadProgram(t.Context(), n.engine, source(t, "calc"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b := load(), load()
	if a.definition != b.definition || a.modules[0] != b.modules[0] {
		t.Error("two loads of a component share nothing")
	}
	before := a.definition
	a.Release()
	b.Release()
	if c := load(); c.definition != before {
		t.Error("a component that nobody uses is forgotten at once")
	} else {
		c.Release()
	}
}
