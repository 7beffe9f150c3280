package engine

import "github.com/reactord/reactord/executor/engine/meter"

const (
	// dataPiece is the number of bytes written between two fuel checks.
	dataPiece = 32 << 10
	// byteCost is the fuel for writing a byte to memory that was not touched before.
	byteCost = 1
	// segmentCost is the fuel for a segment, in addition to its bytes.
	segmentCost = 50
)

// Start starts the guest: it writes the module's active data segments to memory and calls its start
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

// initialize writes the active data segments. wazero has filled the tables.
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

// write writes a data segment in pieces.
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

// burn charges the guest for work that the host is about to do for it.
func (i *Instance) burn(units int64) error {
	left := int64(i.fuel.Get()) - units
	i.fuel.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	return i.host.Preempt()
}
