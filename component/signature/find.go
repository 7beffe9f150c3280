package signature

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/internal/clip"
)

// NameError says why a name is not that of an exported function.
type NameError struct {
	Name       string
	Candidates []string // that it may mean, or all if it means none
	Ambiguous  bool
}

func (e *NameError) Error() string {
	const most, length = 8, 100
	var names string
	for i, candidate := range e.Candidates[:min(len(e.Candidates), most)] {
		if i > 0 {
			names += ", "
		}
		names += clip.Text(candidate, length)
	}
	if n := len(e.Candidates); n > most {
		names += fmt.Sprintf(" and %d more", n-most)
	}
	name := clip.Text(e.Name, length)
	switch {
	case e.Ambiguous:
		return fmt.Sprintf("%q is ambiguous: it may be %s", name, names)
	case names == "":
		return fmt.Sprintf("no function %q is exported: the component exports none", name)
	default:
		return fmt.Sprintf("no function %q is exported: there is %s", name, names)
	}
}

// FullName returns the whole name of a function: "ns:pkg/iface@1.0.0#f", or "f".
func (f *Function) FullName() string {
	if f.Interface == "" {
		return f.Name
	}
	return f.Interface + "#" + f.Name
}

// Named returns a function with a whole name.
func Named(name string) Function {
	if i := strings.LastIndex(name, "#"); i >= 0 {
		return Function{Interface: name[:i], Name: name[i+1:]}
	}
	return Function{Name: name}
}

// Find returns the number of the function that a name means: its whole name, or one that leaves out the version, the
// package or the interface, if that means one function only.
func (s *Set) Find(name string) (int, error) {
	var found []int
	for i := range s.Functions {
		f := &s.Functions[i]
		if f.FullName() == name {
			return i, nil
		}
		if f.means(name) {
			found = append(found, i)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	e := &NameError{Name: name, Ambiguous: len(found) > 1}
	if len(found) == 0 {
		for i := range s.Functions {
			found = append(found, i)
		}
	}
	for _, i := range found {
		e.Candidates = append(e.Candidates, s.Functions[i].FullName())
	}
	return 0, e
}

// means reports whether a name is a shorter one of the function.
func (f *Function) means(name string) bool {
	iface, function, qualified := strings.Cut(name, "#")
	if !qualified {
		return name == f.Name
	}
	if function != f.Name {
		return false
	}
	whole := f.Interface
	plain, _, _ := strings.Cut(whole, "@")
	_, last, _ := strings.Cut(plain, "/")
	return iface == whole || iface == plain || iface == last
}
