package meter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// maxExpansion bounds metered code, as a multiple of Limits.ModuleBytes. Real code grows by a third.
const maxExpansion = 4

// Rewrite meters a core module. The error is an *[Error]. out shares no memory with binary.
func Rewrite(binary []byte, opts Options) (out []byte, info *Info, err error) {
	limits := opts.Limits.WithDefaults()
	m, err := wasm.Decode(binary, limits)
	if err != nil {
		return nil, nil, err
	}
	if info, err = describe(m, limits); err != nil {
		return nil, nil, err
	}
	if err := refuseReserved(m, opts.Imports != nil); err != nil {
		return nil, nil, err
	}
	m.Name = opts.Name
	rw := &rewriter{m: m, limits: limits, arm64: opts.ARM64, space: m.Space(), types: m.FunctionTypes()}
	if err := rw.takeData(info); err != nil {
		return nil, nil, err
	}
	if err := rw.link(opts.Imports); err != nil {
		return nil, nil, err
	}
	if err := rw.analyze(); err != nil {
		return nil, nil, err
	}
	rw.capTables(info, opts.Imports != nil)
	if opts.ImportName != nil && opts.Imports == nil {
		rw.renameImports(opts.ImportName)
	}
	rw.extend()
	if err := rw.estimateFrames(); err != nil {
		return nil, nil, err
	}
	info.LargeFrames = rw.large
	if err := rw.bodies(); err != nil {
		return nil, nil, err
	}
	for i := range m.Bodies {
		info.CodeBytes += len(m.Bodies[i].Code)
		info.LargestFunction = max(info.LargestFunction, len(m.Bodies[i].Code))
		for _, g := range m.Bodies[i].Locals {
			info.Locals += int(g.Count)
		}
	}
	rw.appendReferences(info)
	if opts.TakeTables {
		if err := rw.takeTables(info); err != nil {
			return nil, nil, err
		}
	}
	if err := rw.checkElements(info); err != nil {
		return nil, nil, err
	}
	if err := rw.dropUnused(info); err != nil {
		return nil, nil, err
	}
	if opts.Imports != nil {
		info.ResultTypes = m.Types
	}
	out = m.Encode()
	info.ModuleBytes = len(out)
	return out, info, nil
}

// rewriter meters one module.
type rewriter struct {
	m      *wasm.Module
	limits Limits
	arm64  bool
	space  wasm.Space      // of the original module
	types  []wasm.FuncType // of the original functions

	imported int               // number of functions that the original imports
	typeOf   map[string]uint32 // the first of m.Types with a key
	keys     []uint32          // for each type the first one equal to it
	graph    *graph
	plan     *plan
	frames   []int64 // upper bounds of the frames of the defined functions
	large    []int   // functions whose frames are globals

	builtins map[uint32]Builtin // imported functions that become instructions; nil: none
	context  int                // provider of their storage
	foreign  []bool             // by imported function: other instances define it; nil: the module is not linked

	importTaken bool // the address of an imported function is taken

	growsTables bool // the code grows tables
	largeTables bool // operations on tables are done in chunks
	uses        uses
	references  references

	added added
	instr []wasm.Instr // reused from body to body
	scan  scanner
}

// added are the indices of what the rewriter adds to the module.
type added struct {
	fuel, stack      uint32         // globals
	frames           map[int]uint32 // globals of large frames, by function
	yield, growStack uint32         // functions
	clear            uint32
	renumber         func(uint32) uint32 // of functions
	global           func(uint32) uint32 // the same of globals
	bulk             bulk
}

// refuseReserved refuses modules that use the names that Rewrite adds. Imports of a linked module get other names.
func refuseReserved(m *wasm.Module, linked bool) error {
	reserved := func(what string) error {
		return &Error{Kind: Unsupported, Feature: "reserved name", Msg: what}
	}
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Module == HostModule && !linked {
			return reserved(fmt.Sprintf("import of %q.%q", im.Module, im.Name))
		}
	}
	for i := range m.Exports {
		if name := m.Exports[i].Name; name == FuelGlobal || name == StackGlobal || name == StartFunction || strings.HasPrefix(name, framePrefix) {
			return reserved(fmt.Sprintf("export %q", name))
		}
	}
	return nil
}

// locals returns the number of locals of a defined function, including its parameters.
func (rw *rewriter) locals(f int) int {
	n := len(rw.types[rw.imported+f].Params)
	for _, g := range rw.m.Bodies[f].Locals {
		n += int(g.Count)
	}
	return n
}

// parse parses the body of a defined function into rw.instr.
func (rw *rewriter) parse(f int) error {
	instrs, err := wasm.ParseBody(&rw.m.Bodies[f], rw.locals(f), rw.space, rw.limits, rw.instr)
	rw.instr = instrs
	rw.inlineBuiltins(instrs)
	return err
}

// analyze builds the call graph and the plan.
func (rw *rewriter) analyze() error {
	rw.imported = rw.m.ImportedFunctions()
	rw.indexTypes()
	rw.uses = uses{types: make([]bool, len(rw.m.Types)), elements: make([]bool, len(rw.m.Elements))}
	functions := make([]summary, len(rw.m.Bodies))
	taken := make([]bool, len(rw.m.Bodies))
	take := func(f uint32) {
		if int(f) >= rw.imported {
			taken[int(f)-rw.imported] = true
		} else {
			rw.importTaken = true
		}
	}
	for f := range functions {
		if err := rw.parse(f); err != nil {
			return err
		}
		functions[f] = rw.summarize(take)
		rw.uses.record(rw.m.Bodies[f].Code, rw.instr)
	}
	rw.takeModuleReferences(take)
	rw.graph = newGraph(functions, taken, func(f int) uint32 { return rw.keys[rw.m.Functions[f]] }, rw.reachesOthers())
	rw.plan = newPlan(rw.graph)
	return nil
}

// estimateFrames computes upper bounds of the frames, including the checks to be added, and completes the
// plan.
func (rw *rewriter) estimateFrames() error {
	rw.frames = make([]int64, len(rw.m.Bodies))
	estimator := frameEstimator{rw: rw}
	for f := range rw.frames {
		if err := rw.parse(f); err != nil {
			return err
		}
		code := rw.m.Bodies[f].Code
		rw.scan.scan(code, rw.instr)
		rw.markChecks(f)
		estimator.code, estimator.instrs, estimator.marks = code, rw.instr, rw.scan.marks
		rw.frames[f] = estimator.estimate(f)
		rw.graph.functions[f].frame = rw.frames[f]
	}
	rw.plan.chargeStack(rw.graph)
	rw.large = chooseLarge(rw.frames, rw.plan.charged)
	rw.added.frames = make(map[int]uint32, len(rw.large))
	for i, f := range rw.large {
		rw.added.frames[f] = rw.addCounter(FrameGlobal(i), rw.frames[f])
	}
	return nil
}

// markChecks marks the instructions before which the metered body checks the fuel. Their positions do not
// depend on which functions count their frames.
func (rw *rewriter) markChecks(f int) {
	rw.plan.charged = make([]bool, len(rw.frames))
	e := rw.emitter(f)
	e.function()
}

// summarize returns the summary of the function whose body was parsed last.
func (rw *rewriter) summarize(take func(uint32)) summary {
	var s summary
	for _, in := range rw.instr {
		s.cost += rw.cost(in)
		switch in.Op {
		case wasm.OpCall, wasm.OpReturnCall:
			if int(in.A) >= rw.imported {
				s.callees = append(s.callees, in.A-uint32(rw.imported))
			} else if rw.isForeign(in.A) {
				s.indirect = append(s.indirect, outside)
			}
		case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
			s.indirect = append(s.indirect, rw.keys[in.A])
		case wasm.OpRefFunc:
			take(in.A)
		case wasm.OpTableGrow:
			rw.growsTables = true
		}
	}
	return s
}

// isForeign reports whether an imported function is one of another instance.
func (rw *rewriter) isForeign(function uint32) bool {
	return int(function) < len(rw.foreign) && rw.foreign[function]
}

// takeModuleReferences marks the functions whose address the module takes outside of code: in element
// segments, globals and exports.
func (rw *rewriter) takeModuleReferences(take func(uint32)) {
	for i := range rw.m.Elements {
		e := &rw.m.Elements[i]
		for _, f := range e.Funcs {
			take(f)
		}
		e.Exprs.Functions(take)
	}
	for i := range rw.m.Globals {
		rw.m.Globals[i].Init.Functions(take)
	}
	for i := range rw.m.Exports {
		if x := &rw.m.Exports[i]; x.Kind == wasm.FuncExtern {
			take(x.Index)
		}
	}
}

func (rw *rewriter) renameImports(nameOf func(module, name string, t FuncType) string) {
	for i := range rw.m.Imports {
		if im := &rw.m.Imports[i]; im.Kind == wasm.FuncExtern {
			im.Name = nameOf(im.Module, im.Name, rw.m.Types[im.Func])
		}
	}
}

// extend adds the imports, globals and exports of the meter. Indices of functions are final from here on.
func (rw *rewriter) extend() {
	m := rw.m
	void := rw.addType(wasm.FuncType{})
	first, renumber := m.ImportFunctions(
		wasm.Import{Module: HostModule, Name: YieldFunction, Kind: wasm.FuncExtern, Func: void},
		wasm.Import{Module: HostModule, Name: GrowStackFunction, Kind: wasm.FuncExtern, Func: void},
		wasm.Import{Module: HostModule, Name: ClearFunction, Kind: wasm.FuncExtern, Func: rw.addType(wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32}})},
	)
	rw.added = added{yield: first, growStack: first + 1, clear: first + 2, renumber: renumber}
	rw.importContext()
	rw.added.fuel, rw.added.stack = rw.addCounter(FuelGlobal, 0), rw.addCounter(StackGlobal, 0)
	rw.exportStart()
}

// addCounter adds an exported mutable i64 global and returns its index.
func (rw *rewriter) addCounter(name string, value int64) uint32 {
	m := rw.m
	index := uint32(m.ImportedGlobals() + len(m.Globals))
	var init wasm.Code
	init.I64Const(value)
	init.Op(wasm.OpEnd)
	m.Globals = append(m.Globals, wasm.Global{
		Type: wasm.GlobalType{Type: wasm.I64, Mutable: true},
		Init: wasm.Expr{Code: init},
	})
	m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.GlobalExtern, Index: index})
	return index
}

// indexTypes sets typeOf and keys.
func (rw *rewriter) indexTypes() {
	rw.typeOf = make(map[string]uint32, len(rw.m.Types))
	rw.keys = make([]uint32, len(rw.m.Types))
	for i, t := range rw.m.Types {
		key := t.Key()
		first, ok := rw.typeOf[key]
		if !ok {
			first = uint32(i)
			rw.typeOf[key] = first
		}
		rw.keys[i] = first
	}
}

// addType returns the index of a type, adding it if the module has no equal one.
func (rw *rewriter) addType(t wasm.FuncType) uint32 {
	key := t.Key()
	i, ok := rw.typeOf[key]
	if !ok {
		i = uint32(len(rw.m.Types))
		rw.typeOf[key] = i
		rw.m.Types = append(rw.m.Types, t)
		rw.uses.types = append(rw.uses.types, false)
	}
	rw.uses.types[i] = true
	return i
}

// arity returns the numbers of parameters and results of a block.
func (rw *rewriter) arity(t wasm.BlockType) (params, results int) {
	switch {
	case t.IsIndex:
		ft := &rw.m.Types[t.Index]
		return len(ft.Params), len(ft.Results)
	case t.HasResult:
		return 0, 1
	}
	return 0, 0
}

// exitType returns the encoded type of a block that leaves the given results.
func (rw *rewriter) exitType(results []wasm.ValType) []byte {
	switch len(results) {
	case 0:
		return nil
	case 1:
		return []byte{byte(results[0])}
	}
	return wasm.AppendS64(nil, int64(rw.addType(wasm.FuncType{Results: results})))
}

// bodies rewrites the bodies and appends those of the bulk helpers.
func (rw *rewriter) bodies() error {
	written, most := 0, maxExpansion*rw.limits.ModuleBytes
	for f := range rw.frames {
		if err := rw.body(f); err != nil {
			return err
		}
		if written += len(rw.m.Bodies[f].Code); written > most {
			return &Error{Kind: TooLarge, Offset: rw.m.Bodies[f].Offset,
				Msg: fmt.Sprintf("metered code of more than %d bytes", most)}
		}
	}
	rw.appendBulk()
	return nil
}

// body rewrites the body of a defined function.
func (rw *rewriter) body(f int) error {
	if err := rw.parse(f); err != nil {
		return err
	}
	body := &rw.m.Bodies[f]
	rw.scan.scan(body.Code, rw.instr)
	e := rw.emitter(f)
	e.function()
	body.Code = e.out
	for _, t := range e.added {
		body.Locals = append(slices.Clip(body.Locals), wasm.LocalGroup{Count: 1, Type: t})
	}
	return nil
}

// emitter returns an emitter for the function whose body was parsed and scanned last.
func (rw *rewriter) emitter(f int) *emitter {
	code := rw.m.Bodies[f].Code
	return &emitter{
		rw: rw, f: f,
		code: code, instrs: rw.instr, marks: rw.scan.marks,
		out:     make(wasm.Code, 0, len(code)+len(code)/2+64),
		locals:  uint32(rw.locals(f)),
		scratch: map[string]uint32{},
	}
}

// capTables lowers the maximums of tables, but not below their minimums, so that table.grow fails beyond the
// limit. It records how large tables may become.
//
// Linked modules may grow each other's tables, which programs hardly do: there is room for a few elements.
func (rw *rewriter) capTables(info *Info, linked bool) {
	const foreignGrowth = 1 << 10
	limit := uint32(rw.limits.TableElements)
	if rw.growsTables {
		limit = min(limit, uint32(rw.limits.TableGrowth))
	}
	tables := rw.m.TableTypes()
	rw.largeTables = len(tables) > len(rw.m.Tables) // others tell how large an imported one is
	info.TableElements = 0
	for i := range rw.m.Tables {
		size := &rw.m.Tables[i].Size
		most := max(limit, size.Min)
		if linked && !rw.growsTables {
			most = size.Min + min(foreignGrowth, limit)
		}
		if !size.HasMax || size.Max > most {
			size.HasMax, size.Max = true, most
		}
		become := size.Min
		if rw.growsTables || linked {
			become = size.Max
		}
		info.TableElements += uint64(become)
		rw.largeTables = rw.largeTables || become > smallTable
	}
}
