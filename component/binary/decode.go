package binary

// The preamble of a component: magic, version, layer.
const (
	magic    = "\x00asm"
	preamble = magic + "\x0d\x00\x01\x00"
)

// Section ids.
const (
	secCustom = iota
	secCoreModule
	secCoreInstance
	secCoreType
	secComponent
	secInstance
	secAlias
	secType
	secCanon
	secStart
	secImport
	secExport
	secValue
)

// nameSection is the name of the custom section that names the component and what it defines.
const nameSection = "component-name"

// sectionNames are for messages.
var sectionNames = [...]string{
	"custom", "core module", "core instance", "core type", "component", "instance", "alias", "type", "canonical function",
	"start", "import", "export", "value",
}

// IsComponent reports whether a binary begins as components do: with a preamble of layer 1, whatever its version.
func IsComponent(binary []byte) bool {
	return len(binary) >= len(preamble) && string(binary[:4]) == magic && string(binary[6:8]) == preamble[6:]
}

// Decode decodes a component. The result shares memory with binary.
func Decode(binary []byte, limits Limits) (*Component, error) {
	d := decoder{reader: reader{buf: binary}, lim: limits.WithDefaults()}
	c := d.component()
	if d.err != nil {
		return nil, d.err
	}
	return c, nil
}

// decoder decodes sections. Within a section its reader covers only the payload.
type decoder struct {
	reader
	lim Limits

	nesting     int // components and types around what is decoded
	definitions int // so far
	elements    int
	names       int // bytes of names so far
}

// component decodes all that the reader covers as a component.
func (d *decoder) component() *Component {
	c := &Component{Offset: d.offset(), Size: len(d.buf)}
	d.preamble()
	d.enter("components")
	for d.more() {
		d.section(c)
	}
	d.nesting--
	return c
}

// enter counts a level of nesting. The caller takes it back when it leaves.
func (d *decoder) enter(what string) {
	if d.nesting++; d.nesting > d.lim.Nesting {
		d.fail(TooLarge, d.offset(), "more than %d %s within each other", d.lim.Nesting, what)
	}
}

func (d *decoder) preamble() {
	head := d.buf[:min(len(d.buf), len(preamble))]
	switch {
	case string(head) == preamble:
		d.pos = len(preamble)
	case len(head) < len(preamble) && string(head) == preamble[:len(head)]:
		d.fail(Malformed, d.base+len(head), "unexpected end of the preamble")
	case len(head) < len(preamble) || string(head[:4]) != magic:
		d.fail(Malformed, d.base, "not a WebAssembly component")
	case string(head[4:]) == "\x01\x00\x00\x00":
		d.fail(Malformed, d.base+4, "a core module, not a component")
	default:
		d.fail(Malformed, d.base+4, "unknown version % x of the component format", head[4:])
	}
}

// section decodes a section with its header, and adds what it defines.
func (d *decoder) section(c *Component) {
	at := d.offset()
	id := d.byte()
	size := d.u32()
	start := d.offset()
	payload := d.bytes(size)
	if d.err != nil {
		d.err.Msg = "section header: " + d.err.Msg
		return
	}
	outer := d.reader
	d.reader = reader{buf: payload, base: start}
	switch id {
	case secCustom:
		d.customSection(c)
	case secCoreModule:
		d.define(c, &CoreModule{At: At(at), Offset: start, Binary: payload})
		d.coreModulePreamble()
	case secComponent:
		n := &NestedComponent{At: At(at)}
		d.define(c, n)
		n.Component = d.component()
	case secStart, secValue:
		d.unsupported(at, featureValues, sectionNames[id]+" section")
	default:
		d.vectorSection(c, id, at)
	}
	if d.err == nil && d.remaining() > 0 {
		d.fail(Malformed, d.offset(), "%d bytes left over in the %s section", d.remaining(), sectionNames[id])
	}
	outer.err = d.err
	d.reader = outer
}

// vectorSection decodes a section that is a vector of definitions.
func (d *decoder) vectorSection(c *Component, id byte, at int) {
	var definition func() Definition
	switch id {
	case secCoreInstance:
		definition = d.coreInstance
	case secCoreType:
		definition = d.coreType
	case secInstance:
		definition = d.instance
	case secAlias:
		definition = d.alias
	case secType:
		definition = d.typeDefinition
	case secCanon:
		definition = d.canon
	case secImport:
		definition = d.importDefinition
	case secExport:
		definition = d.export
	default:
		d.fail(Malformed, at, "%d is not the id of a section", id)
		return
	}
	start := d.offset()
	n := d.u32()
	if int64(n) > int64(d.remaining()) {
		d.fail(Malformed, start, "%d definitions do not fit the %s section", n, sectionNames[id])
	}
	for range n {
		if d.err != nil {
			return
		}
		d.define(c, definition())
	}
}

// define adds a definition to a component.
func (d *decoder) define(c *Component, def Definition) {
	d.countDefinition()
	if d.err == nil {
		c.Definitions = append(c.Definitions, def)
	}
}

func (d *decoder) countDefinition() {
	if d.definitions++; d.definitions > d.lim.Definitions {
		d.fail(TooLarge, d.offset(), "more than %d definitions", d.lim.Definitions)
	}
}

// coreModulePreamble checks that the payload begins as core modules do, and skips it: whoever compiles it looks at the
// rest.
func (d *decoder) coreModulePreamble() {
	if len(d.buf) < 8 || string(d.buf[:8]) != magic+"\x01\x00\x00\x00" {
		d.fail(Malformed, d.base, "not a core module")
	}
	d.pos = len(d.buf)
}

// customSection takes the component's name of a name section, unless it is damaged, and skips all else.
func (d *decoder) customSection(c *Component) {
	name := d.utf8()
	if d.err != nil {
		return
	}
	if string(name) == nameSection {
		r := d.reader
		if id := r.byte(); id == 0 {
			sub := reader{buf: r.bytes(r.u32())}
			text := sub.utf8()
			if r.err == nil && sub.err == nil && sub.remaining() == 0 && len(text) <= d.lim.NameBytes {
				c.Name = string(text)
			}
		}
	}
	d.pos = len(d.buf)
}

// name reads a name.
func (d *decoder) name() string {
	start := d.offset()
	b := d.utf8()
	d.names += len(b)
	switch {
	case len(b) > d.lim.NameBytes:
		d.fail(TooLarge, start, "name of %d bytes, the limit is %d", len(b), d.lim.NameBytes)
	case d.names > d.lim.NamesBytes:
		d.fail(TooLarge, start, "names of more than %d bytes in all", d.lim.NamesBytes)
	default:
		return string(b)
	}
	return ""
}

// vector reads a vector whose elements take at least minSize bytes each. So memory is bounded by the input.
func vector[T any](d *decoder, what string, limit, minSize int, element func() T) []T {
	start := d.offset()
	n := int64(d.u32())
	switch {
	case d.err != nil:
		return nil
	case n*int64(minSize) > int64(d.remaining()):
		d.fail(Malformed, start, "%d %s do not fit the section", n, what)
		return nil
	case n > int64(limit):
		d.fail(TooLarge, start, "%d %s, the limit is %d", n, what, limit)
		return nil
	}
	if d.elements += int(n); d.elements > d.lim.Elements {
		d.fail(TooLarge, start, "more than %d fields, arguments and other parts of definitions", d.lim.Elements)
		return nil
	}
	elements := make([]T, 0, n)
	for range n {
		if e := element(); d.err == nil {
			elements = append(elements, e)
			continue
		}
		return nil
	}
	return elements
}
