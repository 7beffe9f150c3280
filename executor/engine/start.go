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
	err := i.initialize()
	if err != nil {
		i.ended = true
		return err
	}
	if i.module.info.HasStart {
		_, err = i.Call(meter.StartFunction)
	}
	return err
}

// initialize gives tables and memory their initial contents, with the traps of the specification, in its order.
func (i *Instance) initialize() error {
	if i.module.info.ElementsOutOfBounds {
		return &Trap{Code: InvalidTableAccess, Message: InvalidTableAccess.String()}
	}
	if err := i.makeTables(); err != nil {
		return err
	}
	if err := i.lay(&i.module.data); err != nil {
		return err
	}
	for _, s := range i.module.data.segments {
		if s.Offset+int64(len(s.Bytes)) > int64(i.guest.Memory().Size()) {
			return &Trap{Code: MemoryOutOfBounds, Message: MemoryOutOfBounds.String()}
		}
		if err := i.burn(segmentCost); err != nil {
			return err
		}
		if err := i.write(s.Offset, s.Bytes, byteCost); err != nil {
			return err
		}
	}
	return nil
}

// lay maps the image, or copies it if that is not possible. Both cost the guest what writing its segments would.
func (i *Instance) lay(data *initialData) error {
	if data.image == nil {
		return nil
	}
	for left := data.imageCost; left > 0; left -= dataPiece {
		if err := i.burn(min(left, dataPiece)); err != nil {
			return err
		}
	}
	if i.account.Map(data.image) {
		return nil
	}
	for offset, content := range data.image.Extents() {
		if err := i.write(offset, content, 0); err != nil {
			return err
		}
	}
	return nil
}

// write writes to memory in pieces, each byte for some fuel.
func (i *Instance) write(offset int64, rest []byte, cost int64) error {
	memory := i.guest.Memory()
	for len(rest) > 0 {
		n := min(len(rest), dataPiece)
		if err := i.burn(int64(n) * cost); err != nil {
			return err
		}
		memory.Write(uint32(offset), rest[:n])
		offset, rest = offset+int64(n), rest[n:]
	}
	return nil
}

// clear writes zeroes to memory in pieces, at the price of memory.fill.
func (i *Instance) clear(offset, n int64) error {
	for n > 0 {
		piece := min(n, clearPiece)
		if err := i.burn(piece / meter.ClearedPerUnit); err != nil {
			return err
		}
		i.account.Clear(offset, piece)
		offset, n = offset+piece, n-piece
	}
	return nil
}

// burn charges the guest for work that the host is about to do for it.
func (i *Instance) burn(units int64) error {
	left := int64(i.fuel.Get()) - units
	i.fuel.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	return i.host.Preempt()
}
