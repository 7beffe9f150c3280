package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// wazero instantiates a module in one piece, which cannot be interrupted and is not charged, although it may
// copy 60 MiB, fill a table of a million elements or run a start function that never ends. So the contents of
// segments and tables and the start section are removed from the module and left to the host. An active segment is
// replaced by an empty passive one, which according to the specification it is after instantiation.

// Data is the contents of an active data segment.
type Data struct {
	Offset Offset
	Bytes  []byte
}

// takeData moves active data segments from the module to info.
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
		offset, err := offset(constants, s.Offset)
		if err != nil {
			return err
		}
		begin := len(bytes)
		bytes = append(bytes, s.Bytes...)
		data = append(data, Data{offset, bytes[begin:len(bytes):len(bytes)]})
	}
	for i := range m.Data {
		if s := &m.Data[i]; !s.Passive {
			*s = wasm.DataSegment{Passive: true}
		}
	}
	info.Data = data
	return nil
}

// ElementSegment is the contents of an element segment.
type ElementSegment struct {
	Passive   bool
	Index     uint32   // of a passive segment in the result
	Table     uint32   // that an active segment is written to; imported ones come first
	Offset    Offset   // in it
	Functions []uint32 // by their indices in the result; NoFunction for null
}

// NoFunction is the null reference in an ElementSegment.
const NoFunction = wasm.NoFunction

// takeTables moves the sizes of tables and the contents of element segments from the module to info, with the table of the
// references that code makes. It leaves all in the module if there is a segment with items that only an instance can evaluate, or
// one that is invalid, which the compiler reports.
func (rw *rewriter) takeTables(info *Info) error {
	m := rw.m
	tables, constants := m.TableTypes(), m.Constants()
	if len(tables) == 0 {
		return nil
	}
	var taken []ElementSegment
	items := 0
	for i := range m.Elements {
		e := &m.Elements[i]
		s := ElementSegment{Passive: e.Mode == wasm.Passive, Index: uint32(i)}
		if e.Mode == wasm.Declarative || s.Passive && !rw.uses.elements[i] {
			continue
		}
		functions, plain := e.References()
		if !plain {
			return nil
		}
		s.Functions = functions
		if !s.Passive {
			offset, err := offset(constants, e.Offset)
			if err != nil {
				return err
			}
			if tables[e.Table].Elem != e.Holds() {
				return nil
			}
			s.Index, s.Table, s.Offset = 0, e.Table, offset
		}
		taken = append(taken, s)
		items += len(s.Functions)
	}
	for i := range m.Elements {
		if e := &m.Elements[i]; e.Mode == wasm.Active || e.Mode == wasm.Passive {
			*e = wasm.Element{Mode: wasm.Passive, Type: e.Type}
		}
	}
	info.Tables = make([]uint32, len(m.Tables))
	for i := range m.Tables {
		size := &m.Tables[i].Size
		info.Tables[i], size.Min = size.Min, 0
	}
	info.ElementSegments, info.TakenElements = taken, items
	return nil
}

// checkElements sets info.ElementsOutOfBounds. wazero does not check it.
func (rw *rewriter) checkElements(info *Info) error {
	tables := rw.m.TableTypes()
	imported := len(tables) - len(rw.m.Tables)
	constants := rw.m.Constants()
	for i := range rw.m.Elements {
		e := &rw.m.Elements[i]
		if e.Mode != wasm.Active || int(e.Table) < imported {
			continue // the size of an imported table is not known here
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

// exportStart replaces the start section by an export.
func (rw *rewriter) exportStart() {
	m := rw.m
	if m.Start == nil {
		return
	}
	m.Exports = append(m.Exports, wasm.Export{Name: StartFunction, Kind: wasm.FuncExtern, Index: *m.Start})
	m.Start = nil
}
