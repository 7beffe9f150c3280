package binary

import "slices"

// Encode encodes a component, with neighbouring definitions of a kind in one section. Offsets and sizes in c are not
// looked at. What Decode makes of the result differs from c only in those.
func Encode(c *Component) []byte {
	e := encoder{[]byte(preamble)}
	for i := 0; i < len(c.Definitions); {
		id := sectionOf(c.Definitions[i])
		n := 1
		for isVector(id) && i+n < len(c.Definitions) && sectionOf(c.Definitions[i+n]) == id {
			n++
		}
		e.section(id, c.Definitions[i:i+n])
		i += n
	}
	if c.Name != "" {
		e.nameSection(c.Name)
	}
	return e.buf
}

// sectionOf returns the id of the section that a definition stands in.
func sectionOf(def Definition) byte {
	switch def.(type) {
	case *CoreModule:
		return secCoreModule
	case *CoreInstance:
		return secCoreInstance
	case *CoreType:
		return secCoreType
	case *NestedComponent:
		return secComponent
	case *Instance:
		return secInstance
	case *Alias:
		return secAlias
	case *Type:
		return secType
	case *Canon:
		return secCanon
	case *Import:
		return secImport
	case *Export:
		return secExport
	}
	return secCustom
}

func isVector(id byte) bool { return id != secCoreModule && id != secComponent }

// encoder appends the primitives of the binary format to buf.
type encoder struct{ buf []byte }

func (e *encoder) byte(b ...byte) { e.buf = append(e.buf, b...) }

func (e *encoder) uleb(v uint64) {
	for ; v >= 0x80; v >>= 7 {
		e.byte(byte(v) | 0x80)
	}
	e.byte(byte(v))
}

func (e *encoder) u32(v uint32)  { e.uleb(uint64(v)) }
func (e *encoder) count(n int)   { e.uleb(uint64(n)) }
func (e *encoder) name(s string) { e.count(len(s)); e.buf = append(e.buf, s...) }

func (e *encoder) flag(b bool) {
	if b {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// sized appends bytes with their length before.
func (e *encoder) sized(b []byte) {
	e.count(len(b))
	e.buf = append(slices.Grow(e.buf, len(b)), b...)
}

// section encodes a section with its header.
func (e *encoder) section(id byte, defs []Definition) {
	e.byte(id)
	switch def := defs[0].(type) {
	case *CoreModule:
		e.sized(def.Binary)
		return
	case *NestedComponent:
		if def.Component == nil {
			e.sized(def.Binary)
		} else {
			e.sized(Encode(def.Component))
		}
		return
	}
	var payload encoder
	payload.count(len(defs))
	for _, def := range defs {
		payload.definition(def)
	}
	e.sized(payload.buf)
}

func (e *encoder) nameSection(name string) {
	var sub, payload encoder
	sub.name(name)
	payload.name(nameSection)
	payload.byte(0)
	payload.sized(sub.buf)
	e.byte(secCustom)
	e.sized(payload.buf)
}

// definition encodes a definition that is part of a vector.
func (e *encoder) definition(def Definition) {
	switch def := def.(type) {
	case *CoreInstance:
		e.coreInstance(def)
	case *CoreType:
		e.coreType(def)
	case *Instance:
		e.instance(def)
	case *Alias:
		e.alias(def)
	case *Type:
		e.typeDef(def.Def)
	case *Canon:
		e.canon(def)
	case *Import:
		e.externName(def.Name)
		e.externDesc(def.Desc)
	case *Export:
		e.externName(def.Name)
		e.ref(def.Ref)
		e.flag(def.Desc != nil)
		if def.Desc != nil {
			e.externDesc(*def.Desc)
		}
	}
}

// sortBytes has the encoding of each sort.
var sortBytes = [...][]byte{
	CoreFuncSort: {0, 0x00}, CoreTableSort: {0, 0x01}, CoreMemorySort: {0, 0x02}, CoreGlobalSort: {0, 0x03}, CoreTagSort: {0, 0x04},
	CoreTypeSort: {0, 0x10}, CoreModuleSort: {0, 0x11}, CoreInstanceSort: {0, 0x12},
	FuncSort: {0x01}, TypeSort: {0x03}, ComponentSort: {0x04}, InstanceSort: {0x05},
}

func (e *encoder) ref(r Ref) {
	e.byte(sortBytes[r.Sort]...)
	e.u32(r.Index)
}

func (e *encoder) coreInstance(i *CoreInstance) {
	if i.Inline {
		e.byte(1)
		e.count(len(i.Exports))
		for _, x := range i.Exports {
			e.name(x.Name)
			e.byte(sortBytes[x.Sort][1])
			e.u32(x.Index)
		}
		return
	}
	e.byte(0)
	e.u32(i.Module)
	e.count(len(i.Args))
	for _, a := range i.Args {
		e.name(a.Name)
		e.byte(0x12)
		e.u32(a.Instance)
	}
}

func (e *encoder) instance(i *Instance) {
	if i.Inline {
		e.byte(1)
		e.count(len(i.Exports))
		for _, x := range i.Exports {
			e.externName(x.Name)
			e.ref(x.Ref)
		}
		return
	}
	e.byte(0)
	e.u32(i.Component)
	e.count(len(i.Args))
	for _, a := range i.Args {
		e.name(a.Name)
		e.ref(a.Ref)
	}
}

func (e *encoder) alias(a *Alias) {
	e.byte(sortBytes[a.Sort]...)
	switch a.Kind {
	case ExportAlias, CoreExportAlias:
		e.byte(byte(a.Kind))
		e.u32(a.Instance)
		e.name(a.Name)
	case OuterAlias:
		e.byte(0x02)
		e.u32(a.Count)
		e.u32(a.Index)
	}
}

func (e *encoder) externName(n Name) {
	if len(n.Attributes) == 0 {
		e.byte(0)
		e.name(n.Text)
		return
	}
	e.byte(2)
	e.name(n.Text)
	e.count(len(n.Attributes))
	for _, a := range n.Attributes {
		e.byte(byte(a.Kind))
		e.name(a.Value)
	}
}

func (e *encoder) externDesc(d ExternDesc) {
	switch d.Kind {
	case CoreModuleExtern:
		e.byte(0x00, 0x11)
	case FuncExtern:
		e.byte(0x01)
	case TypeExtern:
		e.byte(0x03, byte(d.Bound))
		if d.Bound == SubResource {
			return
		}
	case ComponentExtern:
		e.byte(0x04)
	case InstanceExtern:
		e.byte(0x05)
	}
	e.u32(d.Index)
}

func (e *encoder) canon(c *Canon) {
	e.byte(byte(c.Builtin))
	switch c.Builtin {
	case Lift:
		e.byte(0)
		e.u32(c.Func)
		e.options(c.Options)
		e.u32(c.Type)
	case Lower:
		e.byte(0)
		e.u32(c.Func)
		e.options(c.Options)
	case ResourceNew, ResourceDrop, ResourceRep, StreamNew, StreamDropReadable, StreamDropWritable,
		FutureNew, FutureDropReadable, FutureDropWritable:
		e.u32(c.Type)
	case StreamRead, StreamWrite, FutureRead, FutureWrite:
		e.u32(c.Type)
		e.options(c.Options)
	case StreamCancelRead, StreamCancelWrite, FutureCancelRead, FutureCancelWrite:
		e.u32(c.Type)
		e.flag(c.Async)
	case SubtaskCancel:
		e.flag(c.Async)
	case TaskReturn:
		e.result(c.Result)
		e.options(c.Options)
	case ContextGet, ContextSet:
		e.byte(byte(c.SlotType))
		e.u32(c.Slot)
	case ErrorContextNew, ErrorContextDebugMessage:
		e.options(c.Options)
	case WaitableSetWait, WaitableSetPoll:
		e.byte(0)
		e.u32(c.Memory)
	case ThreadYield, ThreadSuspend, ThreadSuspendThenResume, ThreadYieldThenResume, ThreadSuspendThenPromote, ThreadYieldThenPromote:
		e.byte(0)
	case ThreadNewIndirect:
		e.u32(c.Type)
		e.u32(c.Table)
	}
}

func (e *encoder) options(options []CanonOpt) {
	e.count(len(options))
	for _, o := range options {
		e.byte(byte(o.Kind))
		switch o.Kind {
		case MemoryOpt, ReallocOpt, PostReturnOpt, CallbackOpt:
			e.u32(o.Index)
		}
	}
}
