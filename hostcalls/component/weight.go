package component

import (
	"unsafe"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
)

// weigher adds up what a definition takes in memory, besides the core modules that the engine compiles. What it adds are
// estimates. (TestDefinitionsAreCounted)
type weigher struct {
	bytes     int64
	types     map[*types.Type]bool // which have been added
	functions map[*types.Func]bool
}

// In bytes, with what refers to it.
const (
	wordWeight     = 8
	textWeight     = 24 // of a string, besides its text
	baseWeight     = 8 << 10
	resourceWeight = 150
	exportWeight   = 100 // its full name, and what a description has of it, besides the types
	hostWeight     = 16 << 10
	functionWeight = 300 // of a host module
	describeFactor = 4   // what a description takes in memory, in its size
)

// weigh returns what the definition takes, once it is complete.
func (l *loader) weigh() int64 {
	w := weigher{bytes: baseWeight, types: map[*types.Type]bool{}, functions: map[*types.Func]bool{}}
	for i := range l.lifts {
		w.bytes += int64(unsafe.Sizeof(lift{}))
		w.function(l.lifts[i].plan.Func)
		w.text(l.lifts[i].name)
	}
	for i := range l.canons {
		w.bytes += int64(unsafe.Sizeof(canon{}))
		if f := l.plan.Canons[i].Func; f != nil {
			w.function(f)
		}
		w.bytes += int64(len(l.canons[i].typ.Params)+len(l.canons[i].typ.Results)) + 2*textWeight
	}
	for _, f := range l.functions {
		w.text(f.name)
		w.bytes += wordWeight
	}
	for i := range l.steps {
		w.step(&l.steps[i])
	}
	w.bytes += (int64(unsafe.Sizeof(coreSource{})) + 4*textWeight) * int64(len(l.sources)) // with the digests
	w.bytes += resourceWeight*int64(len(l.resources)) + hostWeight*int64(len(l.hosts)) + functionWeight*int64(l.hostFunctionCount)
	for name := range l.exports {
		w.text(name)
		w.bytes += exportWeight
	}
	w.bytes += describeFactor * int64(size(l.description))
	return w.bytes
}

func (w *weigher) text(s string) { w.bytes += textWeight + int64(len(s)) }

// function adds a plan for a function, and its type unless it has been added already.
func (w *weigher) function(f *types.Func) {
	const plan, param = 700, int64(unsafe.Sizeof(types.Field{}))
	w.bytes += plan + param*int64(len(f.Params))
	if w.functions[f] {
		return
	}
	w.functions[f] = true
	w.bytes += param * int64(len(f.Params))
	for i := range f.Params {
		w.typ(f.Params[i].Type)
	}
	w.typ(f.Result)
}

// typ adds a type with its parts, unless it has been added already.
func (w *weigher) typ(t *types.Type) {
	if t == nil || w.types[t] {
		return
	}
	w.types[t] = true
	w.bytes += int64(unsafe.Sizeof(types.Type{})) + int64(len(t.Core()))
	for i := range t.Fields {
		w.text(t.Fields[i].Name)
	}
	for i := range t.Cases {
		w.text(t.Cases[i].Name)
	}
	for _, label := range t.Labels {
		w.text(label)
	}
	for part := range t.Parts {
		w.typ(part)
	}
}

func (w *weigher) step(s *step) {
	w.bytes += int64(unsafe.Sizeof(step{})) + int64(unsafe.Sizeof(provider{}))*int64(len(s.providers))
	for _, f := range s.calls {
		w.text(f.name)
		w.bytes += wordWeight
	}
	for i := range s.linking {
		w.text(s.linking[i].Name)
		w.bytes += int64(unsafe.Sizeof(engine.Linking{}[0]))
	}
}
