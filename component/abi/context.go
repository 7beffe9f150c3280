package abi

import (
	"unsafe"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Encoding is how a guest has its strings.
type Encoding uint8

// The encodings. Latin1UTF16 is Latin-1 for strings that it can express, and else UTF-16.
const (
	UTF8 Encoding = iota
	UTF16
	Latin1UTF16
)

// Memory is the linear memory that a function of a guest has its values in.
type Memory interface {
	// Bytes returns the memory as it is now. The slice is valid until guest code runs.
	Bytes() []byte
	// Realloc calls the guest's realloc with (ptr, size, align, newSize). Its result is not checked yet.
	Realloc(ptr, size, align, newSize uint32) (uint32, error)
	// Charge counts the work of copying this many bytes as fuel of the guest, up to 512 KiB at once. It may give the
	// worker up.
	Charge(bytes int) error
}

// Handles is the handle table of a guest's component instance, for one call. A representation is the number that the
// owner of a resource knows it by.
type Handles interface {
	// LiftOwn takes an own handle away from the guest.
	LiftOwn(r *types.Resource, handle uint32) (rep uint32, err error)
	// LiftBorrow lends the resource of a handle, own or borrow, until the call ends.
	LiftBorrow(r *types.Resource, handle uint32) (rep uint32, err error)
	// LowerOwn gives the guest an own handle.
	LowerOwn(r *types.Resource, rep uint32) (handle uint32, err error)
	// LowerBorrow gives the guest a borrow handle for the call, or the representation, if the guest is the owner.
	LowerBorrow(r *types.Resource, rep uint32) (handle uint32, err error)
}

// Ends is the part of a handle table that has streams, futures and error contexts. What an end is known by outside of
// the guest is up to the implementation.
type Ends interface {
	// LiftEnd takes a readable end away from the guest, or lends an error context. t is its type.
	LiftEnd(t *types.Type, handle uint32) (end uint64, err error)
	// LowerEnd gives the guest a readable end or an error context.
	LowerEnd(t *types.Type, end uint64) (handle uint32, err error)
}

// Context is where the values of one call are, on the side of one guest. Memory and Handles may be nil if the function
// needs none, Ends always: then the guest traps when it passes one.
type Context struct {
	Memory   Memory
	Handles  Handles
	Ends     Ends
	Encoding Encoding
	// Budget is the number of bytes that values read by the host may still take of its memory.
	Budget int
	// OnError, unless nil, is called with the first error, and need not return: it may end the guest by a panic.
	OnError func(error)

	mem       []byte    // of Memory, since the last view
	in, out   []uint64  // the slots that are read, and those that are written
	err       error     // the first one
	owed      int       // values that writers have still to write
	uncharged int       // work that was counted and not charged yet
	result    [1]uint64 // a flat result, until the call ends: parameters on the stack may not be read yet
}

// Err returns the first error of the readers and writers of the call: a *Trap, an error of Memory, Handles or Ends, or a
// *MisuseError. After an error readers return zeros and writers do nothing.
func (c *Context) Err() error { return c.err }

// fail ends the call, if err is an error.
func (c *Context) fail(err error) {
	if c.err == nil && err != nil {
		c.err = err
		if c.OnError != nil {
			c.OnError(err)
		}
	}
}

// view takes the view of the memory again: guest code may have run.
func (c *Context) view() {
	if c.Memory != nil {
		c.mem = c.Memory.Bytes()
	}
}

// Work is counted in bytes copied, about a tenth of a nanosecond each.
const (
	chunk     = 256 << 10 // there is no more work without a charge; a multiple of every alignment
	valueWork = 64        // of moving one value of a tree
)

// work counts work of up to a chunk before it is done.
func (c *Context) work(bytes int) error {
	if c.uncharged += bytes; c.uncharged < chunk {
		return nil
	}
	return c.charge(nil)
}

// charge charges what was counted, unless there was an error before, which it returns.
func (c *Context) charge(err error) error {
	n := c.uncharged
	c.uncharged = 0
	if err != nil || n == 0 || c.Memory == nil {
		return err
	}
	return c.Memory.Charge(n)
}

// chunks calls each for all of n bytes, chunk by chunk, and counts them.
func (c *Context) chunks(n int, each func(i, n int)) error {
	for i := 0; i < n; i += chunk {
		size := min(chunk, n-i)
		if err := c.work(size); err != nil {
			return err
		}
		each(i, size)
	}
	return nil
}

// area checks that size bytes at ptr are in memory.
func (c *Context) area(ptr uint32, size int, align uint32, what string) error {
	if ptr&(align-1) != 0 {
		return trapf("%s at %d is not aligned to %d bytes", what, ptr, align)
	}
	if int(ptr)+size > len(c.mem) {
		return trapf("%s of %d bytes at %d is beyond the memory of %d bytes", what, size, ptr, len(c.mem))
	}
	return nil
}

// alloc makes room for size bytes in the guest's memory.
func (c *Context) alloc(size int, align uint32) (int, error) { return c.realloc(0, 0, align, size) }

// realloc changes what was allocated, and takes the view again. Sizes are below 1<<32.
func (c *Context) realloc(ptr, size int, align uint32, newSize int) (int, error) {
	if c.Memory == nil {
		return 0, trapf("the function has no memory")
	}
	moved, err := c.Memory.Realloc(uint32(ptr), uint32(size), align, uint32(newSize))
	if err != nil {
		return 0, err
	}
	c.view()
	return int(moved), c.area(moved, newSize, align, "realloc: an allocation")
}

// spend takes memory of the host for what is read.
func (c *Context) spend(bytes int) error {
	if bytes > c.Budget {
		return trapf("its values take more of the host's memory than is left (%d bytes)", c.Budget)
	}
	c.Budget -= bytes
	return nil
}

// values makes room for a number of values.
func (c *Context) values(n int) ([]value.Value, error) {
	if err := c.spend(n * int(unsafe.Sizeof(value.Value{}))); err != nil {
		return nil, err
	}
	return make([]value.Value, n), nil
}
