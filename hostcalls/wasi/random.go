package wasi

import (
	"encoding/binary"
	"io"

	"github.com/reactord/reactord/hostcalls/component"
)

const (
	// randomChunk is the number of random bytes that are made between checks of the quantum.
	randomChunk = 16 << 10
	// RandomCost is the cost of a random byte.
	RandomCost = 8
)

// PutRandom writes n random bytes as the result of a call. The host holds them until they are in the component's memory, as memory
// of the component.
func (h *Host) PutRandom(c *component.Call, n uint64) {
	if n >= 1<<28 || !h.store.Hold(int64(n)) { // no list is longer
		c.Trap("%d random bytes were asked for, for which there is no memory", n)
	}
	defer h.store.Free(int64(n))
	bytes := make([]byte, n)
	for rest := bytes; len(rest) > 0; {
		chunk := rest[:min(len(rest), randomChunk)]
		c.Charge(int64(len(chunk)) * RandomCost)
		h.fillRandom(c, chunk)
		rest = rest[len(chunk):]
	}
	c.Results.Bytes(bytes)
}

// InsecureSeed is the same each time: what a component seeds with it does not depend on the order.
func (h *Host) InsecureSeed(c *component.Call) [2]uint64 {
	if h.seed == nil {
		h.seed = &[2]uint64{h.Random(c), h.Random(c)}
	}
	return *h.seed
}

// Random returns a random number.
func (h *Host) Random(c *component.Call) uint64 {
	var bytes [8]byte
	c.Charge(8 * RandomCost)
	h.fillRandom(c, bytes[:])
	return binary.LittleEndian.Uint64(bytes[:])
}

func (h *Host) fillRandom(c *component.Call, p []byte) {
	if _, err := io.ReadFull(h.Node.random, p); err != nil {
		c.Trap("there are no random numbers: %v", err)
	}
}
