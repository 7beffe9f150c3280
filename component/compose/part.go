package compose

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
)

// part is a component that is joined with others.
type part struct {
	Part
	typ         *types.Component
	definitions []binary.Definition
	imports     []*binary.Import
	exports     []*binary.Export
	exportOf    map[exportKey]*binary.Export
	scope       *scope
	imported    map[string]bool             // the imports that a plug is for; empty: all
	plugged     map[*binary.Import]*plugged // the imports that come from plugs
	sources     map[*part]bool              // these plugs
	groups      map[*binary.Import]*group   // of the imports that become ones of the result
	instance    *uint32                     // in the result, once it is there
}

// exportKey is a name, or what compatible names have in common.
type exportKey struct {
	sort binary.Sort
	name string
}

// part decodes and checks a component.
func (j *joiner) part(p Part) (*part, error) {
	var typ *types.Component
	c, err := binary.Decode(p.Binary, j.options.Limits)
	if err == nil {
		typ, err = types.Check(c, j.options.Features)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	d := &part{
		Part: p, typ: typ, definitions: c.Definitions, scope: newScope(c.Definitions, &j.to, nil),
		exportOf: map[exportKey]*binary.Export{}, plugged: map[*binary.Import]*plugged{}, sources: map[*part]bool{},
		groups: map[*binary.Import]*group{},
	}
	d.scope.importIndex = func(i *binary.Import) (uint32, error) { return j.importIndex(d, i) }
	for _, def := range c.Definitions {
		switch def := def.(type) {
		case *binary.Import:
			d.imports = append(d.imports, def)
		case *binary.Export:
			d.exports = append(d.exports, def)
			d.exportOf[exportKey{def.Sort, def.Name.Text}] = def
		}
	}
	for _, e := range d.exports { // after all, so that a name comes before what is compatible with it
		if key := (exportKey{e.Sort, compatibleKey(e.Name.Text)}); d.exportOf[key] == nil {
			d.exportOf[key] = e
		}
	}
	return d, nil
}

// compatibleKey returns what the names of compatible things have in common.
func compatibleKey(name string) string {
	if n, err := names.Parse(name); err == nil && names.Track(n.Version) != "" {
		return n.Path + "@" + names.Track(n.Version)
	}
	return name
}

// exportFor returns the export for an import by its name, the same before a compatible one, or nil. The key is that of the
// import's name.
func (p *part) exportFor(i *binary.Import, key string) *binary.Export {
	sort := sortOfExtern(i.Desc.Kind)
	if e := p.exportOf[exportKey{sort, i.Name.Text}]; e != nil {
		return e
	}
	return p.exportOf[exportKey{sort, key}]
}

// exportsAs reports whether the part exports something by a name.
func (p *part) exportsAs(name string) bool {
	_, ok := p.typ.Export(name)
	return ok
}

func (p *part) importNames() []string {
	texts := make([]string, len(p.imports))
	for i, imp := range p.imports {
		texts[i] = imp.Name.Text
	}
	return texts
}

func (p *part) exportNames() []string {
	texts := make([]string, len(p.exports))
	for i, e := range p.exports {
		texts[i] = e.Name.Text
	}
	return texts
}

// list writes names for a message, not more than a few.
func list(texts []string) string {
	const most = 10
	switch {
	case len(texts) == 0:
		return "nothing"
	case len(texts) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
	}
	return strings.Join(texts, ", ")
}
