package abi

import (
	"encoding/binary"
	"math"

	"github.com/reactord/reactord/component/types"
)

// place is where a value is: in slots of the stack, or in memory, in an area that has been checked.
//
// A slot has the bits of its core value, of 32-bit ones in its lower half. So a payload of a variant has the same bits
// there, whatever its slots are joined with.
type place struct {
	flat bool
	at   int // the first slot, or the pointer
}

// field returns the place of a field of a record. The fields before it have so many slots.
func (p place) field(f *types.Field, slot int) place {
	if p.flat {
		return place{true, p.at + slot}
	}
	return place{at: p.at + int(f.Offset)}
}

// payload returns the place of the payload of a variant.
func (p place) payload(t *types.Type) place {
	if p.flat {
		return place{true, p.at + 1}
	}
	return place{at: p.at + int(t.Payload)}
}

// raw returns the bits of an integer of size bytes.
func (c *Context) raw(p place, size uint32) uint64 {
	if p.flat {
		return c.in[p.at]
	}
	switch size {
	case 1:
		return uint64(c.mem[p.at])
	case 2:
		return uint64(binary.LittleEndian.Uint16(c.mem[p.at:]))
	case 4:
		return uint64(binary.LittleEndian.Uint32(c.mem[p.at:]))
	default:
		return binary.LittleEndian.Uint64(c.mem[p.at:])
	}
}

// setRaw sets an integer of size bytes.
func (c *Context) setRaw(p place, size uint32, bits uint64) {
	if p.flat {
		if size < 8 {
			bits = uint64(uint32(bits))
		}
		c.out[p.at] = bits
		return
	}
	switch size {
	case 1:
		c.mem[p.at] = byte(bits)
	case 2:
		binary.LittleEndian.PutUint16(c.mem[p.at:], uint16(bits))
	case 4:
		binary.LittleEndian.PutUint32(c.mem[p.at:], uint32(bits))
	default:
		binary.LittleEndian.PutUint64(c.mem[p.at:], bits)
	}
}

// load returns the bits of a scalar, as a value.Value has them.
func (c *Context) load(t *types.Type, p place) (uint64, error) {
	bits := c.raw(p, t.Size)
	switch t.Kind {
	case types.Bool:
		if uint32(bits) != 0 {
			return 1, nil
		}
		return 0, nil
	case types.S8:
		return uint64(int8(bits)), nil
	case types.U8:
		return uint64(uint8(bits)), nil
	case types.S16:
		return uint64(int16(bits)), nil
	case types.U16:
		return uint64(uint16(bits)), nil
	case types.S32:
		return uint64(int32(bits)), nil
	case types.U32:
		return uint64(uint32(bits)), nil
	case types.S64, types.U64:
		return bits, nil
	case types.F32:
		return uint64(canonical32(uint32(bits))), nil
	case types.F64:
		return canonical64(bits), nil
	case types.Char:
		return loadChar(uint32(bits))
	case types.Flags:
		return bits & (1<<len(t.Labels) - 1), nil
	default:
		return c.liftHandle(t, uint32(bits))
	}
}

// store sets a scalar to the bits that a value.Value has for it.
func (c *Context) store(t *types.Type, p place, bits uint64) error {
	switch t.Kind {
	case types.Own, types.Borrow, types.Stream, types.Future, types.ErrorContext:
		handle, err := c.lowerHandle(t, bits)
		if err != nil {
			return err
		}
		bits = uint64(handle)
	case types.F32:
		bits = uint64(canonical32(uint32(bits)))
	case types.F64:
		bits = canonical64(bits)
	case types.Flags:
		bits &= 1<<len(t.Labels) - 1
	case types.Char:
		if _, err := loadChar(uint32(bits)); err != nil {
			return misuse("a char that is none: %v", err)
		}
	}
	c.setRaw(p, t.Size, bits)
	return nil
}

const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

func canonical32(bits uint32) uint32 {
	if bits&math.MaxInt32 > 0x7f800000 {
		return nan32
	}
	return bits
}

func canonical64(bits uint64) uint64 {
	if bits&math.MaxInt64 > 0x7ff0000000000000 {
		return nan64
	}
	return bits
}

func loadChar(r uint32) (uint64, error) {
	if r >= 0x110000 || r >= 0xd800 && r < 0xe000 {
		return 0, trapf("%#x is no Unicode scalar value", r)
	}
	return uint64(r), nil
}

// loadCase returns the case of a variant.
func (c *Context) loadCase(t *types.Type, p place) (int, error) {
	n := uint32(c.raw(p, t.DiscriminantSize()))
	if n >= uint32(len(t.Cases)) {
		return 0, trapf("there is no case %d: there are %d", n, len(t.Cases))
	}
	return int(n), nil
}

// storeCase sets the case of a variant, and clears the slots that its payload does not use.
func (c *Context) storeCase(t *types.Type, p place, n int) {
	c.setRaw(p, t.DiscriminantSize(), uint64(n))
	if !p.flat {
		return
	}
	used := 1
	if payload := t.Cases[n].Type; payload != nil {
		used += int(payload.Flat)
	}
	clear(c.out[p.at+used : p.at+int(t.Flat)])
}

func (c *Context) liftHandle(t *types.Type, handle uint32) (uint64, error) {
	switch t.Kind {
	case types.Own, types.Borrow:
		if c.Handles == nil {
			return 0, trapf("handle %d is unknown", handle)
		}
		if t.Kind == types.Own {
			rep, err := c.Handles.LiftOwn(t.Resource, handle)
			return uint64(rep), err
		}
		rep, err := c.Handles.LiftBorrow(t.Resource, handle)
		return uint64(rep), err
	default:
		if c.Ends == nil {
			return 0, trapf("a %v cannot be passed yet", t.Kind)
		}
		return c.Ends.LiftEnd(t, handle)
	}
}

func (c *Context) lowerHandle(t *types.Type, held uint64) (uint32, error) {
	switch t.Kind {
	case types.Own, types.Borrow:
		if c.Handles == nil {
			return 0, misuse("no table for a handle")
		}
		if t.Kind == types.Own {
			return c.Handles.LowerOwn(t.Resource, uint32(held))
		}
		return c.Handles.LowerBorrow(t.Resource, uint32(held))
	default:
		if c.Ends == nil {
			return 0, trapf("a %v cannot be passed yet", t.Kind)
		}
		return c.Ends.LowerEnd(t, held)
	}
}
