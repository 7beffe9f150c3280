package types

// freeIn returns the resource types that externs refer to and do not bring in themselves.
func (c *checker) freeIn(externs []Extern) (map[*Resource]bool, error) {
	w := newWalk(c)
	err := w.externs(externs)
	return w.found, err
}

// isClosed reports whether a type refers to no resource type but those that it brings in.
func (c *checker) isClosed(t ExternType) (bool, error) {
	closed, ok := c.closed[t]
	if ok {
		return closed, nil
	}
	w := newWalk(c)
	if err := w.extern(t); err != nil {
		return false, err
	}
	c.closed[t] = len(w.found) == 0
	return c.closed[t], nil
}

// walk collects resource types. It visits each type once.
type walk struct {
	*checker
	seen  map[any]bool
	found map[*Resource]bool
}

func newWalk(c *checker) *walk {
	return &walk{c, map[any]bool{}, map[*Resource]bool{}}
}

func (w *walk) externs(externs []Extern) error {
	if err := w.charge(1 + len(externs)); err != nil {
		return err
	}
	for _, e := range externs {
		if err := w.extern(e.Type); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) extern(t ExternType) error {
	if w.seen[t] {
		return nil
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *Def:
		if t.Resource != nil {
			w.found[t.Resource] = true
			return nil
		}
		return w.typ(t.Type)
	case *Func:
		if err := w.charge(1 + len(t.Params)); err != nil {
			return err
		}
		for i := range t.Params {
			if err := w.typ(t.Params[i].Type); err != nil {
				return err
			}
		}
		if t.Result != nil {
			return w.typ(t.Result)
		}
	case *Instance:
		err := w.externs(t.Exports)
		w.forget(t.defined)
		return err
	case *Component:
		if err := w.externs(t.Imports); err != nil {
			return err
		}
		err := w.externs(t.Exports)
		w.forget(t.imported)
		w.forget(t.defined)
		return err
	}
	return nil
}

func (w *walk) forget(bound []*Resource) {
	for _, r := range bound {
		delete(w.found, r)
	}
}

func (w *walk) typ(t *Type) error {
	if !t.open || w.seen[t] {
		return nil
	}
	w.seen[t] = true
	if t.Resource != nil {
		w.found[t.Resource] = true
		return nil
	}
	if err := w.charge(1 + len(t.Fields) + len(t.Cases)); err != nil {
		return err
	}
	for part := range t.Parts {
		if err := w.typ(part); err != nil {
			return err
		}
	}
	return nil
}
