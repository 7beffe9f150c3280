package plan

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// scope is the index spaces of one instantiation of a component, or of one evaluation of an instance type.
type scope struct {
	*flattener
	outer    *scope
	instance int // number of the component instance
	spaces   [binary.InstanceSort + 1][]item
	exports  *instance
}

// item is a definition in an index space, by its sort.
type item struct {
	sort      binary.Sort
	core      CoreDef            // of the core sorts that have CoreDefs
	module    *binary.CoreModule // CoreModuleSort; nil: of the host
	step      int                // CoreInstanceSort without a bundle
	bundle    map[string]CoreDef // CoreInstanceSort
	fn        function           // FuncSort
	typ       typeItem           // TypeSort
	component *closure           // ComponentSort; nil: of the host
	instance  *instance          // InstanceSort
}

// function is a component function.
type function struct {
	typ    *types.Func
	target Target
}

// typeItem is a type: one of its fields is set.
type typeItem struct {
	value    *types.Type
	resource *types.Resource
	fn       *types.Func
	decls    *typeClosure // of an instance or component
}

// typeClosure is the type of an instance or component, not evaluated, and where it is defined.
type typeClosure struct {
	def   binary.TypeDef
	scope *scope
}

// closure is a component and where it is defined.
type closure struct {
	component *binary.Component
	scope     *scope
}

// instance is what a component instance exports, in order.
type instance struct {
	list   []export
	byName map[string]int
}

type export struct {
	name string
	item
}

func (i *instance) add(name string, it item) {
	if i.byName == nil {
		i.byName = map[string]int{}
	}
	i.byName[name] = len(i.list)
	i.list = append(i.list, export{name, it})
}

func (i *instance) get(name string) (item, bool) {
	n, ok := i.byName[name]
	if !ok {
		return item{}, false
	}
	return i.list[n].item, true
}

// add gives an item the next index of its sort.
func (s *scope) add(it item) { s.spaces[it.sort] = append(s.spaces[it.sort], it) }

// get returns the item with an index.
func (s *scope) get(sort binary.Sort, index uint32, offset int) (item, error) {
	if int(sort) >= len(s.spaces) || uint64(index) >= uint64(len(s.spaces[sort])) {
		return item{}, fault(offset, "index %d is out of bounds", index)
	}
	return s.spaces[sort][index], nil
}

// coreExport returns an export of a core instance.
func (it *item) coreExport(name string, sort binary.Sort) (CoreDef, bool) {
	if it.bundle != nil {
		def, ok := it.bundle[name]
		return def, ok && def.Sort == sort
	}
	return CoreDef{Sort: sort, Instance: it.step, Export: name}, true
}

func fault(offset int, format string, args ...any) error {
	return &Error{offset, fmt.Sprintf(format, args...)}
}
