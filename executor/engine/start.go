package engine

import "github.com/reactord/reactord/executor/engine/meter"

const (
	// dataPiece is the number of bytes written between two fuel checks.
	dataPiece = 32 << 10
	// clearPiece is the number of bytes cleared between two fuel checks.
	clearPiece = 256 << 10
	// byteCost is the fuel for writing a byte to memory that was not touched before.
	byteCost = 1
	// segmentCost is the fuel for a segment, in addition to its bytes.
	segmentCost = 50
)

// Start starts the guest: it gives tables and memory the module's active segments and calls its start
// function. That is work of the guest, charged and preempted like the rest. Errors are those of Call. It
// must be called before the first Call.
func (i *Instance) Start() error {
	err := i.core.initialize()
	if err != nil {
		i.ended = true
		return err
	}
	if i.core.module.info.HasStart {
		_, err = i.Call(meter.StartFunction)
	}
	return err
}

// initialize gives tables and memory their initial contents, with the traps of the specification, in its order.
func (c *CoreInstance) initialize() error {
	if c.module.info.ElementsOutOfBounds {
		return &Trap{Code: InvalidTableAccess, Message: InvalidTableAccess.String()}
	}
	if err := c.makeTables(); err != nil {
		return err
	}
	if err := c.lay(&c.module.data); err != nil {
		return err
	}
	for _, s := range c.module.data.segments {
		if err := c.writeSegment(s.Offset, s.Bytes); err != nil {
			return err
		}
	}
	for _, s := range c.module.data.relative {
		if err := c.writeSegment(int64(c.offset(s.Offset)), s.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// writeSegment writes a data segment, or traps if there is no room for it.
func (c *CoreInstance) writeSegment(offset int64, content []byte) error {
	if offset+int64(len(content)) > int64(c.guest.Memory().Size()) {
		return &Trap{Code: MemoryOutOfBounds, Message: MemoryOutOfBounds.String()}
	}
	if err := c.owner.burn(segmentCost); err != nil {
		return err
	}
	return c.write(offset, content, byteCost)
}

// offset returns where a segment is written.
func (c *CoreInstance) offset(o meter.Offset) uint32 {
	if o.Known() {
		return o.Value
	}
	if c.member == nil { // it has no such offset, since it imports functions only
		return 0
	}
	if c.member.globals == nil {
		for i, im := range c.module.info.Imports {
			if im.Kind != meter.GlobalExtern {
				continue
			}
			s := c.module.linking[i]
			value := uint64(0)
			if g := c.member.providers[s.Provider].exports().ExportedGlobal(s.Name); g != nil {
				value = g.Get()
			}
			c.member.globals = append(c.member.globals, uint32(value))
		}
	}
	return o.In(c.member.globals)
}

// lay maps the image, or copies it if that is not possible. Both cost the guest what writing its segments would.
func (c *CoreInstance) lay(data *initialData) error {
	if data.image == nil {
		return nil
	}
	for left := data.imageCost; left > 0; left -= dataPiece {
		if err := c.owner.burn(min(left, dataPiece)); err != nil {
			return err
		}
	}
	if c.memory.Map(data.image) {
		return nil
	}
	for offset, content := range data.image.Extents() {
		if err := c.write(offset, content, 0); err != nil {
			return err
		}
	}
	return nil
}

// write writes to memory in pieces, each byte for some fuel.
func (c *CoreInstance) write(offset int64, rest []byte, cost int64) error {
	memory := c.guest.Memory()
	for len(rest) > 0 {
		n := min(len(rest), dataPiece)
		if err := c.owner.burn(int64(n) * cost); err != nil {
			return err
		}
		memory.Write(uint32(offset), rest[:n])
		offset, rest = offset+int64(n), rest[n:]
	}
	return nil
}
