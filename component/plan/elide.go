package plan

import "github.com/reactord/reactord/component/binary"

// A core module that is instantiated before the memory that its imports refer to can't import the functions that are made from
// them. So tools that make components give it those of a shim, whose functions do nothing but call others through a table, and
// instantiate a fix-up last, which puts them there. What a plan refers to is looked up when it is used, so that most modules can have
// the functions themselves, and need neither.

// Form is what there is to know of a core module for Elide. At most one of Shim and Fixup is set.
type Form struct {
	Starts bool // it has a start function
	Shim   *Shim
	Fixup  *Fixup
}

// Shim is a core module that imports nothing, and has nothing but a table, which is empty at first, and functions, each of which
// passes its parameters to the function in one slot of the table, and returns its results.
type Shim struct {
	Table string // the name under which it exports the table
	Size  int    // slots of the table
	Funcs map[string]ShimFunc
}

// ShimFunc is a function of a shim.
type ShimFunc struct {
	Slot int
	Type string // equal for equal types, and only for those
}

// Fixup is a core module that exports nothing, and has nothing but imports. It puts imported functions into the first slots of an
// imported table, and calls an imported function when it starts.
type Fixup struct {
	Table int         // the import that is the table; -1: it has none
	Slots []FixupFunc // by slot
	Start int         // the import that it calls; -1: none
}

// FixupFunc is a function in a table.
type FixupFunc struct {
	Import int
	Type   string // as in ShimFunc
}

// Elide replaces the functions of shims by those that they stand for, and drops shims and fix-ups that nothing needs any more.
// What a fix-up calls when it starts becomes part of the step before.
//
// The component does the same as before: until its fix-up is instantiated, no function of a shim could be called without a trap,
// and only shims are replaced of which none could be called, since no code of the component runs until then.
func (p *Plan) Elide(form func(*binary.CoreModule) Form) {
	e := elider{plan: p, forms: make([]Form, len(p.Steps)), dropped: make([]bool, len(p.Steps)), uses: map[int][]use{}}
	for i := range p.Steps {
		e.forms[i] = form(p.Modules[p.Steps[i].Module])
	}
	p.eachDef(func(d *CoreDef, step int) { e.uses[d.Instance] = append(e.uses[d.Instance], use{d, step}) })
	for i := range p.Steps {
		if f := e.forms[i].Fixup; f != nil {
			e.fixup(i, f)
		}
	}
	e.drop()
}

type elider struct {
	plan    *Plan
	forms   []Form        // by step
	dropped []bool        // by step
	uses    map[int][]use // by core instance, or Canonical
}

// use is something that refers to a core instance.
type use struct {
	*CoreDef
	step int // which imports it; lateBound: it is looked up when it is called
}

const lateBound = -1

// fixup drops the fix-up of a step, if it can be done without.
func (e *elider) fixup(number int, f *Fixup) {
	step := &e.plan.Steps[number]
	var start *CoreDef
	if f.Start >= 0 {
		if start = &step.Imports[f.Start]; start.Instance == Canonical {
			return
		}
	}
	if f.Table >= 0 {
		shim := step.Imports[f.Table].Instance
		if !e.fills(number, f) || start != nil && start.Instance == shim || e.replace(shim, number, f) {
			return
		}
		e.dropped[shim] = true
	}
	e.dropped[number] = true
	if start == nil {
		return
	}
	last := number - 1
	for e.dropped[last] { // the instance whose function it is was made before
		last--
	}
	e.plan.Steps[last].Calls = append(e.plan.Steps[last].Calls, *start)
}

// fills reports whether the fix-up of a step fills the table of a shim that only it refers to, before any function of the shim can
// be called.
func (e *elider) fills(number int, f *Fixup) bool {
	step := &e.plan.Steps[number]
	from := step.Imports[f.Table].Instance
	shim := e.forms[from].Shim
	if shim == nil || step.Imports[f.Table].Export != shim.Table || len(f.Slots) > shim.Size {
		return false
	}
	for _, u := range e.uses[from] {
		switch fn := shim.Funcs[u.Export]; {
		case u.Sort == binary.CoreTableSort && u.step == number:
		case u.Sort != binary.CoreFuncSort, fn.Slot >= len(f.Slots), f.Slots[fn.Slot].Type != fn.Type:
			return false
		}
	}
	for i := from; i < number; i++ {
		if !e.dropped[i] && e.forms[i].Starts || len(e.plan.Steps[i].Calls) > 0 {
			return false
		}
	}
	return true
}

// replace replaces the functions of a shim by those that a fix-up has put into its table. It reports whether the shim is still needed:
// by a core module that is instantiated before the one whose function it imports.
func (e *elider) replace(shim, fixup int, f *Fixup) (needed bool) {
	left := e.uses[shim][:0]
	for _, u := range e.uses[shim] {
		if u.Sort == binary.CoreFuncSort {
			slot := e.forms[shim].Shim.Funcs[u.Export].Slot
			to := e.plan.Steps[fixup].Imports[f.Slots[slot].Import]
			if to.Instance != shim && u.mayBe(&to) {
				*u.CoreDef = to
				e.uses[to.Instance] = append(e.uses[to.Instance], u)
				continue
			}
			needed = true
		}
		left = append(left, u)
	}
	e.uses[shim] = left
	return needed
}

// mayBe reports whether what is used can be another function: a core module imports from those that were instantiated before it, and
// the host calls no canonical functions.
func (u *use) mayBe(to *CoreDef) bool {
	if u.step == lateBound {
		return to.Instance != Canonical
	}
	return to.Instance < u.step
}

// drop takes the steps out that are dropped, so that the others have other numbers.
func (e *elider) drop() {
	numbers := make([]int, len(e.plan.Steps))
	kept := e.plan.Steps[:0]
	for i, s := range e.plan.Steps {
		if numbers[i] = len(kept); !e.dropped[i] {
			kept = append(kept, s)
		}
	}
	e.plan.Steps = kept
	e.plan.eachDef(func(d *CoreDef, _ int) {
		if d.Instance != Canonical {
			d.Instance = numbers[d.Instance]
		}
	})
}

// eachDef calls visit with everything that the plan refers to, and the step that imports it, or lateBound.
func (p *Plan) eachDef(visit func(d *CoreDef, step int)) {
	for i := range p.Steps {
		for j := range p.Steps[i].Imports {
			visit(&p.Steps[i].Imports[j], i)
		}
		for j := range p.Steps[i].Calls {
			visit(&p.Steps[i].Calls[j], lateBound)
		}
	}
	late := func(defs ...*CoreDef) {
		for _, d := range defs {
			if d != nil {
				visit(d, lateBound)
			}
		}
	}
	options := func(o *Options) { late(o.Memory, o.Realloc, o.PostReturn, o.Callback) }
	for i := range p.Canons {
		options(&p.Canons[i].Options)
	}
	for i := range p.Lifts {
		late(&p.Lifts[i].Core)
		options(&p.Lifts[i].Options)
	}
	for i := range p.Resources {
		late(p.Resources[i].Dtor)
	}
}
