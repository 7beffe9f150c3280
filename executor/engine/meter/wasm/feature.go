package wasm

// The names of features that this package refuses. adviceOn has an advice for each.
const (
	featureExceptions = "exception handling"
	featureFuncRefs   = "typed function references"
	featureGC         = "garbage collection"
	featureThreads    = "threads"
	featureMemory64   = "memory64"
	featureMemories   = "multiple memories"
	featurePageSize   = "custom page sizes"
	featureRelaxed    = "relaxed SIMD"
	featureStacks     = "stack switching"
	featureWide       = "wide arithmetic"
)

// adviceOn tells the author of a module how to avoid a feature that this package refuses.
func adviceOn(feature string) string {
	switch feature {
	case featureExceptions:
		return "build the program without exceptions and without setjmp: clang and wasi-sdk with -fno-exceptions " +
			"and not -mllvm -wasm-enable-sjlj, Emscripten with -fno-exceptions -sSUPPORT_LONGJMP=0, Rust with panic=abort"
	case featureThreads:
		return "build the program for one thread: clang without -pthread and -matomics, for wasm32-wasip1 and not wasm32-wasip1-threads"
	case featureMemory64:
		return "build the program for wasm32, with 32-bit addresses"
	case featureMemories:
		return "use one memory, which wasm-opt --multi-memory-lowering can make of several"
	case featurePageSize:
		return "leave the pages of memory at 64 KiB"
	case featureRelaxed:
		return "build the program without it: clang with -mno-relaxed-simd, Rust with -C target-feature=-relaxed-simd"
	case featureWide:
		return "build the program without it: clang with -mno-wide-arithmetic, Rust with -C target-feature=-wide-arithmetic"
	case featureGC, featureFuncRefs, featureStacks:
		return "build the program for WebAssembly 2.0"
	}
	return ""
}
