package wasm

import "cmp"

// Limits bound the modules that Decode accepts. Each comment ends with the default, which a zero field means.
type Limits struct {
	ModuleBytes   int // 64 MiB
	Functions     int // imported and defined; 200,000
	FunctionBytes int // of one body; 7,654,321, as in browsers
	Locals        int // of one function, parameters included; 50,000
	Nesting       int // of blocks in one function; 20,000
	Types         int // 100,000
	TypeValues    int // parameters and results of all used types; 100,000
	Signature     int // parameters of one type, and also its results; 1,000
	Imports       int // 10,000
	Exports       int // 200,000
	Globals       int // 100,000
	Segments      int // data segments, and also element segments; 100,000
	Tables        int // 100
	TableElements int // initial elements of all tables together; 10,000,000, as in browsers
	TableGrowth   int // elements to which code may grow a table, unless it starts with more; 262,144

	NameBytes         int // of the name of an import, export or function; function names are cut; 1 KiB
	FunctionNameBytes int // of all function names together; further names are dropped; 4 MiB
	DescriptionBytes  int // of the names and types of imports and exports as text; 1 MiB
}

// WithDefaults returns the limits with each zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.ModuleBytes = cmp.Or(l.ModuleBytes, 64<<20)
	l.Functions = cmp.Or(l.Functions, 200_000)
	l.FunctionBytes = cmp.Or(l.FunctionBytes, 7_654_321)
	l.Locals = cmp.Or(l.Locals, 50_000)
	l.Nesting = cmp.Or(l.Nesting, 20_000)
	l.Types = cmp.Or(l.Types, 100_000)
	l.Signature = cmp.Or(l.Signature, 1_000)
	l.Imports = cmp.Or(l.Imports, 10_000)
	l.Exports = cmp.Or(l.Exports, 200_000)
	l.Globals = cmp.Or(l.Globals, 100_000)
	l.Segments = cmp.Or(l.Segments, 100_000)
	l.Tables = cmp.Or(l.Tables, 100)
	l.TableElements = cmp.Or(l.TableElements, 10_000_000)
	l.TableGrowth = cmp.Or(l.TableGrowth, 1<<18)
	l.TypeValues = cmp.Or(l.TypeValues, 100_000)
	l.NameBytes = cmp.Or(l.NameBytes, 1<<10)
	l.FunctionNameBytes = cmp.Or(l.FunctionNameBytes, 4<<20)
	l.DescriptionBytes = cmp.Or(l.DescriptionBytes, 1<<20)
	return l
}
