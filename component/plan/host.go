package plan

import (
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// hostImport is the provider of the root component: it makes functions and resource types of the host.
func (f *flattener) hostImport(s *scope, i *binary.Import) (item, error) {
	if i.Desc.Kind == binary.InstanceExtern {
		return s.described(i.Name.Text, "", i.Desc, i.Pos())
	}
	return s.described("", i.Name.Text, i.Desc, i.Pos())
}

// described makes what the host provides for a description. What it is comes from an interface, under a name.
func (s *scope) described(iface, name string, desc binary.ExternDesc, offset int) (item, error) {
	switch desc.Kind {
	case binary.FuncExtern:
		it, err := s.get(binary.TypeSort, desc.Index, offset)
		if err != nil {
			return item{}, err
		}
		if it.typ.fn == nil {
			return item{}, fault(offset, "type index %d is not a function type", desc.Index)
		}
		target := Target{Lift: Host, Host: len(s.plan.Imports)}
		s.plan.Imports = append(s.plan.Imports, HostFunc{Interface: iface, Name: name, Func: it.typ.fn})
		return item{sort: binary.FuncSort, fn: function{it.typ.fn, target}}, nil
	case binary.TypeExtern:
		if desc.Bound == binary.SubResource {
			r := Resource{Type: &types.Resource{Name: name, Interface: iface}, Instance: Host, Interface: iface, Name: name}
			return item{sort: binary.TypeSort, typ: s.addResource(r)}, nil
		}
		it, err := s.get(binary.TypeSort, desc.Index, offset)
		if err == nil && (it.typ.value != nil || it.typ.resource != nil) {
			s.plan.Others = append(s.plan.Others, HostOther{iface, name, it.typ.value, it.typ.resource})
		}
		return it, err
	case binary.InstanceExtern:
		it, err := s.get(binary.TypeSort, desc.Index, offset)
		if err != nil {
			return item{}, err
		}
		if it.typ.decls == nil {
			return item{}, fault(offset, "type index %d is not an instance type", desc.Index)
		}
		if name != "" {
			s.plan.Others = append(s.plan.Others, HostOther{Interface: iface, Name: name})
			iface += "#" + name
		} else {
			s.plan.Others = append(s.plan.Others, HostOther{Name: iface})
		}
		exports, err := it.typ.decls.hostInstance(iface, offset)
		return item{sort: binary.InstanceSort, instance: exports}, err
	default:
		return item{}, fault(offset, "the import %q: a host provides functions, types and instances of them only", name)
	}
}

// hostInstance makes an instance of the host with the exports of an instance type.
func (t *typeClosure) hostInstance(iface string, offset int) (*instance, error) {
	def, ok := t.def.(*binary.InstanceType)
	if !ok {
		return nil, fault(offset, "the type of the import %q is not that of an instance", iface)
	}
	f := t.scope.flattener
	if f.depth++; f.depth > maxDepth {
		return nil, fault(offset, "instance types are nested more than %d deep", maxDepth)
	}
	defer func() { f.depth-- }()
	s := &scope{flattener: f, outer: t.scope, exports: &instance{}}
	for _, d := range def.Decls {
		if err := f.spend(d); err != nil {
			return nil, err
		}
		export, ok := d.(*binary.ExportDecl)
		if !ok {
			if err := s.define(d, nil); err != nil {
				return nil, err
			}
			continue
		}
		it, err := s.described(iface, export.Name.Text, export.Desc, d.Pos())
		if err != nil {
			return nil, err
		}
		s.exports.add(export.Name.Text, it)
		s.add(it)
	}
	return s.exports, nil
}
