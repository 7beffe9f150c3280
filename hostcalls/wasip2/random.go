package wasip2

import "github.com/reactord/reactord/hostcalls/component"

func randomRandom() component.Interface {
	return component.Interface{
		Name: "wasi:random/random", Version: version,
		Functions: []component.Function{
			function("get-random-bytes", "func(len: u64) -> list<u8>", randomBytes),
			function("get-random-u64", "func() -> u64", randomU64),
		},
	}
}

// randomInsecure gives numbers that are as good as those of wasi:random/random: they are not worth being worse.
func randomInsecure() component.Interface {
	return component.Interface{
		Name: "wasi:random/insecure", Version: version,
		Functions: []component.Function{
			function("get-insecure-random-bytes", "func(len: u64) -> list<u8>", randomBytes),
			function("get-insecure-random-u64", "func() -> u64", randomU64),
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

// randomBytes returns as many bytes as are asked for; fewer are not allowed.
func randomBytes(c call) { c.PutRandom(c.Call, c.Args.U64()) }

func randomU64(c call) { c.Results.U64(c.Random(c.Call)) }

// insecureSeed: insecure-seed.
func insecureSeed(c call) {
	seed, out := c.InsecureSeed(c.Call), c.Results.Record()
	out.U64(seed[0])
	out.U64(seed[1])
}
