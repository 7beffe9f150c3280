package engine

import "github.com/reactord/reactord/executor/engine/meter"

// footprint estimates the memory of a compiled module: its machine code, and the records that wazero and
// the engine keep of it. (TestFootprint)
func footprint(info *meter.Info, machineCode int64) int64 {
	const (
		runtime = 64 << 10 // with the host modules
		// For each of these, in bytes.
		function   = 304
		local      = 8
		typ        = 250
		typeValue  = 32 // in the type, in its key, and in the entry code of functions of the type
		item       = 48 // of an element segment
		taken      = 4  // element of a segment that was taken out
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
		{info.TakenElements, taken},
		{info.Segments + len(info.ElementSegments), segment},
		{info.Globals, global},
		{len(info.Imports), imported},
		{len(info.Exports), exported},
		{len(info.Names), namedBytes},
	} {
		size += int64(part.count) * int64(part.bytes)
	}
	for i := range info.Data {
		size += dataFootprint(info.Data[i].Bytes)
	}
	for i := range info.Names {
		size += int64(len(info.Names[i].Name))
	}
	return size
}

// dataFootprint is the memory of a segment that the engine writes, and its record.
func dataFootprint(content []byte) int64 { return 48 + int64(len(content)) }

// guessedCode estimates the size of a module's machine code before it is compiled.
func guessedCode(info *meter.Info) int64 { return 6 * int64(info.CodeBytes) }
