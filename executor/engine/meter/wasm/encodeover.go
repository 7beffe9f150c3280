package wasm

// Custom is a custom section.
type Custom struct {
	Name string
	Data []byte
}

// Over says what EncodeOver writes other than it was.
type Over struct {
	Bodies bool    // the bodies have changed
	Custom *Custom // put at the end, instead of those that have its name
}

// EncodeOver returns the module in binary form, over the binary that it was decoded from: types, imports, the types of
// functions and, unless they have changed, bodies are copied byte for byte, and so are custom sections, at their places.
// So what debuggers and linkers know of the code stays true.
func (m *Module) EncodeOver(binary []byte, over Over) []byte {
	e := encoder{m: m, out: make([]byte, 0, m.sizeHint())}
	e.out = append(e.out, binary[:8]...)
	r := reader{buf: binary, pos: 8}
	written := 0 // of inOrder
	for r.more() {
		begin := r.pos
		id := r.byte()
		payload := r.bytes(r.u32())
		if id == secCustom {
			if over.Custom == nil || customName(payload) != over.Custom.Name {
				e.bytes(binary[begin:r.pos])
			}
			continue
		}
		for ; sectionOrder[inOrder[written]] < sectionOrder[id]; written++ {
			e.missing(inOrder[written])
		}
		if copied(id) || id == secCode && !over.Bodies {
			e.bytes(binary[begin:r.pos])
		} else {
			e.encode(id)
		}
		written++
	}
	for ; written < len(inOrder); written++ {
		e.missing(inOrder[written])
	}
	if c := over.Custom; c != nil {
		e.begin(secCustom)
		e.name(c.Name)
		e.bytes(c.Data)
		e.end()
	}
	return e.out
}

// copied reports whether EncodeOver always copies a section.
func copied(id byte) bool { return id == secType || id == secImport || id == secFunction }

// missing writes a section that the original does not have.
func (e *encoder) missing(id byte) {
	if !copied(id) && id != secCode {
		e.encode(id)
	}
}

// customName returns the name of a custom section.
func customName(payload []byte) string {
	r := reader{buf: payload}
	return string(r.bytes(r.u32()))
}
