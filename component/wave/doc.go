// Package wave reads and writes values as text, in WAVE: what people write in WIT's spirit.
//
//	bool, integers, floats    true   -7   6.02e23   nan   -inf
//	char, string              'x'   "a\tb\u{2603}"   """ and a line break: lines up to a line with """ again, which
//	                          says how many spaces the others begin with that do not count
//	list, tuple               [1, 2]   (1, "one")
//	record                    {x: 1, y: 2}   options that are left out are none; {:} if all are
//	variant, enum             circle(2.5)   north
//	option                    none   some(1)   or just 1, unless the type within is an option or result
//	result                    ok   ok(1)   err("why")   or just 1, likewise
//	flags                     {read, write}
//	map                       [("a", 1)]   or {"a": 1}: WAVE has no maps, and this is the list that a map is
//
// And where a call is made with them, which WAVE has not:
//
//	stream                    -   @a.txt   @"my file"   [1, 2]   what it is made from: the standard input, a file, its items
//	future                    its value
//	own                       @db   an open connection, by its name
//
// Cases that are called as one of WAVE's words are written as %none. Comments begin with //. A comma may follow the last
// of several. A call is a name and its arguments, of which options at the end may be left out:
//
//	ns:pkg/shapes@1.0.0#area(line({start: {x: 1, y: 2}, end: {x: 3, y: 4}}))
//
// The type says what is meant, so nothing is guessed, and nothing nests deeper than the type.
//
// All functions may be called concurrently. The grammar is that of crates/wasm-wave in bytecodealliance/wasm-tools.
package wave
