package component

import "testing"

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
