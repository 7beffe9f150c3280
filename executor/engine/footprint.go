package engine

import "github.com/reactord/reactord/executor/engine/meter"

// footprint is about what a compiled module takes in memory: its machine code, and what wazero and the
// engine record of it. (TestFootprint)
func footprint(info *meter.Info, machineCode int64) int64 {
	const (
		runtime = 64 << 10 // with the host modules
		// For each of these, in bytes.
		function   = 300
		local      = 8
		typ        = 250
		typeValue  = 32 // in the type, in the key by which it is known, in the code that enters functions of it
		item       = 48 // of an element segment
		segment    = 96
		global     = 80
		imported   = 400
		exported   = 250
		namedBytes = 24
	)
	size := runtime + machineCode + int64(info.ModuleBytes)
	for _, part := range []struct{ count, bytes int }{
		{info.FunctionCount, function},
		{info.Locals, local},
		{info.Types, typ},
		{info.TypeValues, typeValue},
		{info.SegmentItems, item},
		{info.Segments, segment},
		{info.Globals, global},
		{len(info.Imports), imported},
		{len(info.Exports), exported},
		{len(info.Names), namedBytes},
	} {
		size += int64(part.count) * int64(part.bytes)
	}
	for i := range info.Data {
		size += int64(len(info.Data[i].Bytes))
	}
	for i := range info.Names {
		size += int64(len(info.Names[i].Name))
	}
	return size
}

// guessedCode is about how much machine code a module becomes, where nothing tells.
func guessedCode(info *meter.Info) int64 { return 6 * int64(info.CodeBytes) }
