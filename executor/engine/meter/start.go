package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// What an engine does to instantiate a module it does in one piece, which nobody can interrupt and nobody is charged
// for, and it may be 60 MiB that it copies, or a start function that never ends. So active data segments and the start
// section are taken out of the module, and left to the host. What is left of a segment is an empty
// passive one, which is what the specification wants of an active one after instantiation.

// Data is what an active data segment writes to memory.
type Data struct {
	Offset uint32
	Bytes  []byte
}

// takeData takes active data segments out of the module. They stay where they are if one of them has an offset that
// depends on an imported global.
func (rw *rewriter) takeData(info *Info) error {
	m := rw.m
	active, size := 0, 0
	for i := range m.Data {
		if s := &m.Data[i]; !s.Passive {
			active++
			size += len(s.Bytes)
		}
	}
	if active == 0 {
		return nil
	}
	constants := m.Constants()
	data, bytes := make([]Data, 0, active), make([]byte, 0, size)
	for i := range m.Data {
		s := &m.Data[i]
		if s.Passive {
			continue
		}
		if !rw.space.HasMemory {
			return &Error{Kind: Malformed, Offset: s.Offset.Offset, Msg: "active data segment without a memory"}
		}
		offset, err := constants.Evaluate(s.Offset)
		if err != nil {
			return err
		}
		if !offset.Known {
			return nil
		}
		begin := len(bytes)
		bytes = append(bytes, s.Bytes...)
		data = append(data, Data{offset.Value, bytes[begin:len(bytes):len(bytes)]})
	}
	for i := range m.Data {
		if s := &m.Data[i]; !s.Passive {
			*s = wasm.DataSegment{Passive: true}
		}
	}
	info.Data = data
	return nil
}

// checkElements notes if an active element segment is out of bounds, which engines overlook.
func (rw *rewriter) checkElements(info *Info) error {
	tables := rw.m.TableTypes()
	imported := len(tables) - len(rw.m.Tables)
	constants := rw.m.Constants()
	for i := range rw.m.Elements {
		e := &rw.m.Elements[i]
		if e.Mode != wasm.Active || int(e.Table) < imported {
			continue // how large an imported table is only its owner knows
		}
		offset, err := constants.Evaluate(e.Offset)
		if err != nil {
			return err
		}
		end := uint64(offset.Value) + uint64(max(e.Count, len(e.Funcs)))
		if offset.Known && end > uint64(tables[e.Table].Size.Min) {
			info.ElementsOutOfBounds = true
		}
	}
	return nil
}

// exportStart makes the start function an export.
func (rw *rewriter) exportStart() {
	m := rw.m
	if m.Start == nil {
		return
	}
	m.Exports = append(m.Exports, wasm.Export{Name: StartFunction, Kind: wasm.FuncExtern, Index: *m.Start})
	m.Start = nil
}
