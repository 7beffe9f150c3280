package compose

import (
	"slices"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// export adds the exports of the socket's instance. Before them come those of the plugs whose types they refer to, since
// each type that an export refers to has to have a name outside.
func (j *joiner) export() {
	p := j.socket()
	seen := reachOf(p.typ.Exports)
	for _, i := range p.imports {
		if plug := p.plugged[i]; plug != nil && seen.hasTypesOf(p.typ, i) && !p.exportsAs(plug.export.Name.Text) {
			j.to.add(&binary.Export{Name: plug.export.Name, Ref: binary.Ref{Sort: plug.export.Sort, Index: *plug.index}})
		}
	}
	named := slices.ContainsFunc(p.exports, func(e *binary.Export) bool { return e.Sort == binary.TypeSort })
	var next [sorts]uint32 // index in the socket of the next definition of a sort
	for _, def := range p.definitions {
		ref := binary.Ref{Sort: sortOf(def)}
		ref.Index, next[ref.Sort] = next[ref.Sort], next[ref.Sort]+1
		e, ok := def.(*binary.Export)
		if !ok {
			continue
		}
		exported := &binary.Export{Name: e.Name, Ref: binary.Ref{Sort: e.Sort, Index: j.alias(p, e)}}
		if named && e.Sort == binary.FuncSort {
			exported.Desc = p.scope.funcDesc(e.Index)
		}
		p.scope.copied[ref] = j.to.add(exported)
	}
}

// reach is the definitions of types that externs refer to.
type reach struct {
	defs      map[*types.Def]bool
	instances map[*types.Instance]bool
}

func reachOf(externs []types.Extern) reach {
	r := reach{map[*types.Def]bool{}, map[*types.Instance]bool{}}
	r.externs(externs)
	return r
}

func (r reach) externs(externs []types.Extern) {
	for _, e := range externs {
		switch t := e.Type.(type) {
		case *types.Def:
			r.def(t)
		case *types.Func:
			for _, d := range t.ParamDefs {
				r.def(d)
			}
			r.def(t.ResultDef)
		case *types.Instance:
			if !r.instances[t] {
				r.instances[t] = true
				r.externs(t.Exports)
			}
		}
	}
}

func (r reach) def(d *types.Def) {
	for ; d != nil && !r.defs[d]; d = d.Alias {
		r.defs[d] = true
		for _, part := range d.Parts {
			r.def(part)
		}
	}
}

// hasTypesOf reports whether an import of a component, or a type that it exports, is among the definitions.
func (r reach) hasTypesOf(c *types.Component, i *binary.Import) bool {
	e, _ := c.Import(i.Name.Text)
	switch t := e.Type.(type) {
	case *types.Def:
		return r.defs[t]
	case *types.Instance:
		return slices.ContainsFunc(t.Exports, func(e types.Extern) bool {
			d, ok := e.Type.(*types.Def)
			return ok && r.defs[d]
		})
	}
	return false
}
