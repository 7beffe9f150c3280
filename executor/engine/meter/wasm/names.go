package wasm

import (
	"cmp"
	"slices"
)

// Names are the parts of the name section that stay right when functions are
// renumbered: the names of the module and of functions. Names of locals and
// labels are dropped; nothing that runs modules reads them.
type Names struct {
	Module    string
	HasModule bool
	Functions []FunctionName // by ascending index
}

// FunctionName names one function.
type FunctionName struct {
	Index uint32
	Name  string
}

// Add names functions that have no name yet. It does nothing to a nil Names:
// a module without a name section gets none.
func (n *Names) Add(names ...FunctionName) {
	if n == nil || len(n.Functions) == 0 {
		return
	}
	n.Functions = append(n.Functions, names...)
	slices.SortStableFunc(n.Functions, func(a, b FunctionName) int { return cmp.Compare(a.Index, b.Index) })
}

// Subsections of the name section.
const (
	nameModule   = 0
	nameFunction = 1
)

// decodeNames reads a name section. What is malformed is left out: a faulty
// custom section doesn't make a module invalid.
func decodeNames(r reader, functions int) *Names {
	n := &Names{}
	for r.more() {
		id := r.byte()
		sub := reader{buf: r.bytes(r.u32())}
		if r.err != nil {
			break
		}
		switch id {
		case nameModule:
			if name := sub.name(); sub.err == nil {
				n.Module, n.HasModule = name, true
			}
		case nameFunction:
			if n.Functions == nil {
				n.Functions = functionNames(sub, functions)
			}
		}
	}
	return n
}

func functionNames(r reader, functions int) []FunctionName {
	count := r.count("function names", functions, 2)
	names := make([]FunctionName, 0, count)
	for range count {
		fn := FunctionName{Index: r.u32(), Name: r.name()}
		if r.err != nil || len(names) > 0 && fn.Index <= names[len(names)-1].Index {
			break
		}
		names = append(names, fn)
	}
	return names
}
