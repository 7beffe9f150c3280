package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// subtype returns nil if what is have can be used where want is asked for, and else the first reason why not. The types
// are of one Table, and resource types are the same only if they are one.
//
// Functions and value types have to be equal, as other runtimes have it: a subtype of a record, say, would have to be
// converted in each call.
func (c *checker) subtype(have, want Extern) error {
	if have.Kind != want.Kind {
		return fmt.Errorf("it is %s, not %s", describeKind(have.Kind), describeKind(want.Kind))
	}
	return c.subtypeOf(have.Type, want.Type)
}

func (c *checker) subtypeOf(have, want ExternType) error {
	if have == want {
		return nil
	}
	switch want.(type) {
	case *Func, *Def:
		return c.compare(have, want)
	}
	pair := [2]ExternType{have, want}
	if c.fits[pair] {
		return nil
	}
	err := c.compare(have, want)
	if err == nil {
		c.fits[pair] = true
	}
	return err
}

func (c *checker) compare(have, want ExternType) error {
	if err := c.charge(1); err != nil {
		return err
	}
	switch want := want.(type) {
	case *CoreModule:
		if have, ok := have.(*CoreModule); ok {
			return c.compareModules(have, want)
		}
	case *Func:
		if have, ok := have.(*Func); ok {
			return c.compareFuncs(have, want)
		}
	case *Instance:
		if have, ok := have.(*Instance); ok {
			return c.compareInstances(have, want)
		}
	case *Component:
		if have, ok := have.(*Component); ok {
			return c.compareComponents(have, want)
		}
	case *Def:
		if have, ok := have.(*Def); ok && (have.Resource == nil) == (want.Resource == nil) {
			if have.Resource != want.Resource {
				return errors.New("it is another resource type")
			}
			return difference(have.Type, want.Type)
		}
	}
	return fmt.Errorf("it is %s, not %s", describe(have), describe(want))
}

func (c *checker) compareFuncs(have, want *Func) error {
	if err := c.charge(len(want.Params)); err != nil {
		return err
	}
	switch {
	case have.Async && !want.Async:
		return errors.New("it is async")
	case !have.Async && want.Async:
		return errors.New("it is not async")
	case len(have.Params) != len(want.Params):
		return fmt.Errorf("it has %s, not %d", count(len(have.Params), "parameter"), len(want.Params))
	}
	for i := range want.Params {
		h, w := &have.Params[i], &want.Params[i]
		if h.Name != w.Name {
			return fmt.Errorf("parameter %d is called %s, not %s", i+1, quote(h.Name), quote(w.Name))
		}
		if err := difference(h.Type, w.Type); err != nil {
			return fmt.Errorf("parameter %s: %w", quote(h.Name), err)
		}
	}
	switch {
	case have.Result == nil && want.Result != nil:
		return errors.New("it has no result")
	case have.Result != nil && want.Result == nil:
		return errors.New("it has a result")
	}
	if err := difference(have.Result, want.Result); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

func (c *checker) compareInstances(have, want *Instance) error {
	if err := c.charge(len(want.Exports)); err != nil {
		return err
	}
	for _, w := range want.Exports {
		h, ok := have.Export(w.Name.Text)
		if !ok {
			return fmt.Errorf("there is no %s", quote(w.Name.Text))
		}
		if err := c.subtype(h, w); err != nil {
			return fmt.Errorf("%s: %w", quote(w.Name.Text), err)
		}
	}
	return nil
}

// compareComponents gives what want imports to have, which has to suffice, and then compares what have exports.
func (c *checker) compareComponents(have, want *Component) error {
	sub, err := c.satisfy(want.Import, have.Imports, have.imported)
	if err != nil {
		return fmt.Errorf("import %w", err)
	}
	exports, err := sub.externs(have.Exports)
	if err != nil {
		return err
	}
	given := func(name string) (Extern, bool) { return find(exports, have.exportIndex, name) }
	if _, err := c.satisfy(given, want.Exports, want.defined); err != nil {
		return fmt.Errorf("export %w", err)
	}
	return nil
}

// satisfy checks that what is given has all that is wanted. The wanted externs have resource types that are bound by
// the type that has the externs: they stand for whatever is given. It returns what the bound resource types and the
// definitions of the wanted externs are replaced by.
func (c *checker) satisfy(given func(string) (Extern, bool), wanted []Extern, bound []*Resource) (*substitution, error) {
	sub := newSubstitution(c)
	if len(bound) > 0 {
		free := make(map[*Resource]bool, len(bound))
		for _, r := range bound {
			free[r] = true
		}
		b := binding{sub, func(r *Resource) bool { return free[r] }, map[*Instance]bool{}}
		if err := b.externs(given, wanted); err != nil {
			return nil, err
		}
	}
	if err := c.charge(1 + len(wanted)); err != nil {
		return nil, err
	}
	renamed := newSubstitution(c)
	renamed.resources = sub.resources
	r := renaming{renamed, map[*Instance]bool{}}
	for _, w := range wanted {
		have, ok := given(w.Name.Text)
		if !ok {
			return nil, fmt.Errorf("%s is missing", quote(w.Name.Text))
		}
		want, err := sub.extern(w.Type)
		if err != nil {
			return nil, err
		}
		if err := c.subtype(have, Extern{Kind: w.Kind, Type: want}); err != nil {
			return nil, fmt.Errorf("%s: %w", quote(w.Name.Text), err)
		}
		if err := r.extern(have, w); err != nil {
			return nil, err
		}
	}
	return renamed, nil
}

// binding finds out which resource types are given for those that are bound. What does not fit together is left to the
// comparison of types.
type binding struct {
	*substitution
	free func(*Resource) bool // is bound by the type, and so stands for another
	seen map[*Instance]bool
}

func (b *binding) externs(given func(string) (Extern, bool), wanted []Extern) error {
	if err := b.charge(1 + len(wanted)); err != nil {
		return err
	}
	for _, w := range wanted {
		have, ok := given(w.Name.Text)
		if !ok || have.Kind != w.Kind {
			continue
		}
		switch want := w.Type.(type) {
		case *Def:
			d, ok := have.Type.(*Def)
			if ok && d.Resource != nil && b.resources[want.Resource] == nil && b.free(want.Resource) {
				b.resources[want.Resource] = d.Resource
			}
		case *Instance:
			i, ok := have.Type.(*Instance)
			if !ok || w.Kind != binary.InstanceExtern || b.seen[want] {
				continue
			}
			b.seen[want] = true
			if err := b.externs(i.Export, want.Exports); err != nil {
				return err
			}
		}
	}
	return nil
}

// renaming notes which definitions are given for the wanted ones.
type renaming struct {
	*substitution
	seen map[*Instance]bool
}

func (r *renaming) extern(have, want Extern) error {
	switch w := want.Type.(type) {
	case *Def:
		if h, ok := have.Type.(*Def); ok {
			r.defs[w], r.renames = h, true
		}
	case *Instance:
		h, ok := have.Type.(*Instance)
		if !ok || want.Kind != binary.InstanceExtern || r.seen[w] {
			return nil
		}
		r.seen[w] = true
		if err := r.charge(1 + len(w.Exports)); err != nil {
			return err
		}
		for _, e := range w.Exports {
			given, _ := h.Export(e.Name.Text)
			if err := r.extern(given, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
