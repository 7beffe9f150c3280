package compose

import "github.com/reactord/reactord/component/binary"

// sorts is the number of sorts.
const sorts = int(binary.InstanceSort) + 1

// target is a scope that is being written: the definitions of a component, or the declarations of an instance type.
type target struct {
	defs    []binary.Definition
	counts  [sorts]uint32
	aliases map[binary.Alias]uint32
}

// add adds a definition and returns its index among those of its sort. An alias that is there already is not added again.
func (t *target) add(def binary.Definition) uint32 {
	alias, ok := def.(*binary.Alias)
	if ok {
		if index, ok := t.aliases[*alias]; ok {
			return index
		}
	}
	sort := sortOf(def)
	index := t.counts[sort]
	t.counts[sort]++
	t.defs = append(t.defs, def)
	if ok {
		if t.aliases == nil {
			t.aliases = map[binary.Alias]uint32{}
		}
		t.aliases[*alias] = index
	}
	return index
}

// sortOf returns the sort of index that a definition adds.
func sortOf(def binary.Definition) binary.Sort {
	switch def := def.(type) {
	case *binary.CoreModule:
		return binary.CoreModuleSort
	case *binary.CoreInstance:
		return binary.CoreInstanceSort
	case *binary.CoreType:
		return binary.CoreTypeSort
	case *binary.NestedComponent:
		return binary.ComponentSort
	case *binary.Instance:
		return binary.InstanceSort
	case *binary.Alias:
		return def.Sort
	case *binary.Canon:
		if def.Builtin != binary.Lift {
			return binary.CoreFuncSort
		}
		return binary.FuncSort
	case *binary.Import:
		return sortOfExtern(def.Desc.Kind)
	case *binary.ExportDecl:
		return sortOfExtern(def.Desc.Kind)
	case *binary.Export:
		return def.Sort
	}
	return binary.TypeSort
}

func sortOfExtern(kind binary.ExternKind) binary.Sort {
	switch kind {
	case binary.CoreModuleExtern:
		return binary.CoreModuleSort
	case binary.FuncExtern:
		return binary.FuncSort
	case binary.ComponentExtern:
		return binary.ComponentSort
	case binary.InstanceExtern:
		return binary.InstanceSort
	}
	return binary.TypeSort
}
