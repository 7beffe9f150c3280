package types

import (
	"errors"
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/internal/clip"
)

// side is the imports or the exports of a scope, or of a bundle.
type side struct {
	imports bool
	externs []Extern
	index   map[string]int    // of externs, by name
	keys    map[string]string // of names, that make them strongly-unique, to the names
	// resources are the names of the resource types that constructors and methods of this side belong to.
	resources map[*Def]string
	called    map[string]bool // the names of resources
}

func newSide(imports bool) side {
	return side{imports: imports, index: map[string]int{}, keys: map[string]string{}, resources: map[*Def]string{}, called: map[string]bool{}}
}

// what returns what an extern of this side is called.
func (s *side) what() string {
	if s.imports {
		return "import"
	}
	return "export"
}

// append appends an extern, if its name fits what it is, and no other.
func (s *side) append(e Extern, features Features) error {
	name, err := names.Parse(e.Name.Text)
	if err != nil {
		if isNested(e.Name.Text) {
			err = errors.New("nested package names are not supported")
		}
		return fmt.Errorf("%s name %s: %w", s.what(), quote(e.Name.Text), err)
	}
	if !s.imports && name.Kind == names.Implementation {
		return fmt.Errorf("%s is not a name for exports", quote(e.Name.Text))
	}
	if err := attributes(e, name, features); err != nil {
		return fmt.Errorf("%s %s: %w", s.what(), quote(e.Name.Text), err)
	}
	if err := s.fits(e, name); err != nil {
		return fmt.Errorf("%s %s: %w", s.what(), quote(e.Name.Text), err)
	}
	key := name.Key()
	if previous, ok := s.keys[key]; ok {
		return fmt.Errorf("%s name %s conflicts with the previous name %s", s.what(), quote(e.Name.Text), quote(previous))
	}
	s.keys[key] = e.Name.Text
	s.index[e.Name.Text] = len(s.externs)
	s.externs = append(s.externs, e)
	return nil
}

// isNested reports whether a name may be one of an interface in a nested package or interface.
func isNested(text string) bool {
	path, _, _ := strings.Cut(text, "@")
	return strings.Count(path, ":") > 1 || strings.Contains(path, ":") && strings.Count(path, "/") > 1
}

// attributes checks the attributes of a name, and its version, which one of them may complete.
func attributes(e Extern, name names.Name, features Features) error {
	if value, ok := e.Name.Attribute(binary.Implements); ok {
		if name.Kind != names.Label {
			return errors.New("only a plain name can have the attribute implements")
		}
		if e.Kind != binary.InstanceExtern {
			return errors.New("only instances can have the attribute implements")
		}
		n, err := names.Parse(value)
		if err != nil || n.Kind != names.Interface {
			return fmt.Errorf("the attribute implements has %s, which is not the name of an interface", quote(value))
		}
	}
	suffix, cut := e.Name.Attribute(binary.VersionSuffix)
	if cut || name.IsCanonical() {
		if err := need(features.CanonicalNames, featureNames, "name with the beginning of a version"); err != nil {
			return err
		}
	}
	if !cut {
		return nil
	}
	if e.Kind != binary.InstanceExtern {
		return errors.New("only instances can have the rest of a version")
	}
	return name.CheckSuffix(suffix)
}

// fits checks that what is called a constructor, a method or a static function of a resource type is one.
func (s *side) fits(e Extern, name names.Name) error {
	switch name.Kind {
	case names.Constructor, names.Method, names.Static:
	default:
		return nil
	}
	f, ok := e.Type.(*Func)
	if !ok || e.Kind != binary.FuncExtern {
		return errors.New("it is not a function")
	}
	switch name.Kind {
	case names.Constructor:
		if f.Async {
			return errors.New("a constructor cannot be async")
		}
		d := f.ResultDef
		if d != nil && d.Type.Kind == Result {
			d = d.Parts[0]
		}
		if d == nil || d.Type.Kind != Own {
			return fmt.Errorf("a constructor returns own<%s>, or a result with it", clip.Text(name.Resource, maxName))
		}
		return s.belongs(d.Parts[0], name.Resource)
	case names.Method:
		if len(f.Params) == 0 || f.Params[0].Name != "self" || f.Params[0].Type.Kind != Borrow {
			return fmt.Errorf("the first parameter of a method is self: borrow<%s>", clip.Text(name.Resource, maxName))
		}
		return s.belongs(f.ParamDefs[0].Parts[0], name.Resource)
	default:
		if !s.called[name.Resource] {
			return fmt.Errorf("there is no resource type of the name %s here", quote(name.Resource))
		}
		return nil
	}
}

// belongs checks that a resource type has a name on this side.
func (s *side) belongs(resource *Def, name string) error {
	have, ok := s.resources[resource]
	switch {
	case !ok:
		return errors.New("its resource type has no name here")
	case have != name:
		return fmt.Errorf("its resource type is called %s here", quote(have))
	}
	return nil
}
