package plan

import "github.com/reactord/reactord/component/binary"

// maxWork bounds the definitions that are carried out, each as often as it is, and their parts: the plan has most of them, and
// a small component can instantiate another one, with types of a thousand fields, thousands of times.
const maxWork = 1_000_000

// spend counts a definition that is carried out.
func (f *flattener) spend(d binary.Definition) error { return f.spendParts(1+parts(d), d.Pos()) }

// spendParts counts parts of the definition at an offset: imports of an instantiated core module, and the parameters of
// functions that are lifted or lowered, each of which has a conversion.
func (f *flattener) spendParts(n, offset int) error {
	if f.work += n; f.work > maxWork {
		return fault(offset, "instantiating the component takes more than %d definitions and parts of them", maxWork)
	}
	return nil
}

// parts returns the number of parts that a definition has itself. Those of instance and component types are spent when
// they are used.
func parts(d binary.Definition) int {
	switch d := d.(type) {
	case *binary.CoreInstance:
		return len(d.Exports) + len(d.Args)
	case *binary.Instance:
		return len(d.Exports) + len(d.Args)
	case *binary.Type:
		switch def := d.Def.(type) {
		case *binary.FuncType:
			return len(def.Params)
		case *binary.RecordType:
			return len(def.Fields)
		case *binary.TupleType:
			return len(def.Types)
		case *binary.VariantType:
			return len(def.Cases)
		case *binary.EnumType:
			return len(def.Labels)
		case *binary.FlagsType:
			return len(def.Labels)
		}
	}
	return 0
}
