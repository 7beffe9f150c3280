package engine

import "github.com/reactord/reactord/executor/engine/meter"

const (
	// dataPiece is how much data is written before the fuel is looked at.
	dataPiece = 32 << 10
	// byteCost is what it costs to write a byte to memory that nobody has touched yet.
	byteCost = 1
	// segmentCost is what a segment costs besides.
	segmentCost = 50
)

// Start begins the guest: it writes the module's active data segments to memory, and calls its start
// function. That is the guest's own work, charged and preempted like the rest. Errors are those of Call, of which
// none may come before.
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

// initialize does what is to be done with active segments: wazero has filled the tables.
func (i *Instance) initialize() error {
	if i.module.info.ElementsOutOfBounds {
		return &Trap{Code: InvalidTableAccess, Message: InvalidTableAccess.String()}
	}
	for _, data := range i.module.info.Data {
		if err := i.write(data); err != nil {
			return err
		}
	}
	return nil
}

// write writes a segment, in pieces.
func (i *Instance) write(data meter.Data) error {
	memory, offset, rest := i.guest.Memory(), data.Offset, data.Bytes
	if uint64(offset)+uint64(len(rest)) > uint64(memory.Size()) {
		return &Trap{Code: MemoryOutOfBounds, Message: MemoryOutOfBounds.String()}
	}
	if err := i.burn(segmentCost); err != nil {
		return err
	}
	for len(rest) > 0 {
		n := min(len(rest), dataPiece)
		if err := i.burn(int64(n) * byteCost); err != nil {
			return err
		}
		memory.Write(offset, rest[:n])
		offset, rest = offset+uint32(n), rest[n:]
	}
	return nil
}

// burn takes fuel for what is about to be done for the guest.
func (i *Instance) burn(units int64) error {
	left := int64(i.fuel.Get()) - units
	i.fuel.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	return i.host.Preempt()
}
