package wasip3

import "github.com/reactord/reactord/hostcalls/component"

func randomRandom() component.Interface {
	return component.Interface{
		Name: "wasi:random/random", Version: version,
		Functions: []component.Function{
			function("get-random-bytes", "func(max-len: u64) -> list<u8>", randomBytes),
			function("get-random-u64", "func() -> u64", randomU64),
		},
	}
}

// randomInsecure gives numbers that are as good as those of wasi:random/random: they are not worth being worse.
func randomInsecure() component.Interface {
	return component.Interface{
		Name: "wasi:random/insecure", Version: version,
		Functions: []component.Function{
			function("get-insecure-random-bytes", "func(max-len: u64) -> list<u8>", randomBytes),
			function("get-insecure-random-u64", "func() -> u64", randomU64),
		},
	}
}

func randomInsecureSeed() component.Interface {
	return component.Interface{
		Name: "wasi:random/insecure-seed", Version: version,
		Functions: []component.Function{
			function("get-insecure-seed", "func() -> tuple<u64, u64>", func(c call) {
				seed, out := c.InsecureSeed(c.Call), c.Results.Record()
				out.U64(seed[0])
				out.U64(seed[1])
			}),
		},
	}
}

// maxRandom is the most random bytes that a call gives. A component that wants more calls again.
const maxRandom = 1 << 20

func randomBytes(c call) { c.PutRandom(c.Call, min(c.Args.U64(), maxRandom)) }

func randomU64(c call) { c.Results.U64(c.Random(c.Call)) }
