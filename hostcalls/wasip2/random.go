package wasip2

import (
	"encoding/binary"
	"io"

	"github.com/reactord/reactord/hostcalls/component"
)

func randomRandom() component.Interface {
	return component.Interface{
		Name: "wasi:random/random", Version: version,
		Functions: []component.Function{
			function("get-random-bytes", "func(len: u64) -> list<u8>", randomBytes),
			function("get-random-u64", "func() -> u64", func(c call) { c.Results.U64(c.randomU64()) }),
		},
	}
}

// randomInsecure gives numbers that are as good as those of wasi:random/random: they are not worth being worse.
func randomInsecure() component.Interface {
	return component.Interface{
		Name: "wasi:random/insecure", Version: version,
		Functions: []component.Function{
			function("get-insecure-random-bytes", "func(len: u64) -> list<u8>", randomBytes),
			function("get-insecure-random-u64", "func() -> u64", func(c call) { c.Results.U64(c.randomU64()) }),
		},
	}
}

func randomInsecureSeed() component.Interface {
	return component.Interface{
		Name: "wasi:random/insecure-seed", Version: version,
		Functions: []component.Function{
			function("insecure-seed", "func() -> tuple<u64, u64>", insecureSeed),
		},
	}
}

const (
	// randomChunk is the number of random bytes that are made between checks of the quantum.
	randomChunk = 16 << 10
	// randomCost is the cost of a random byte.
	randomCost = 8
)

// randomBytes returns as many bytes as are asked for; fewer are not allowed. The host holds them until they are in the
// component's memory, as memory of the component.
func randomBytes(c call) {
	n := c.Args.U64()
	if n >= 1<<28 || !c.Store().Hold(int64(n)) { // no list is longer
		c.Trap("%d random bytes were asked for, for which there is no memory", n)
	}
	defer c.Store().Free(int64(n))
	bytes := make([]byte, n)
	for rest := bytes; len(rest) > 0; {
		chunk := rest[:min(len(rest), randomChunk)]
		c.Charge(int64(len(chunk)) * randomCost)
		c.fillRandom(chunk)
		rest = rest[len(chunk):]
	}
	c.Results.Bytes(bytes)
}

// insecureSeed: insecure-seed. It is the same each time: what a component seeds with it does not depend on the order.
func insecureSeed(c call) {
	if c.seed == nil {
		c.seed = &[2]uint64{c.randomU64(), c.randomU64()}
	}
	seed := c.Results.Record()
	seed.U64(c.seed[0])
	seed.U64(c.seed[1])
}

func (c call) randomU64() uint64 {
	var bytes [8]byte
	c.Charge(8 * randomCost)
	c.fillRandom(bytes[:])
	return binary.LittleEndian.Uint64(bytes[:])
}

func (c call) fillRandom(p []byte) {
	if _, err := io.ReadFull(c.node.random, p); err != nil {
		c.Trap("there are no random numbers: %v", err)
	}
}
