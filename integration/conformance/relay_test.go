package conformance

import (
	"fmt"
	"slices"

	component "github.com/reactord/reactord/component/binary"
)

// relay makes a component of two: one exports echoes, the other exports functions of the same types that call them, and has
// a memory and an encoding of strings of its own. What it exports are relay#f0, relay#f1, and so on.
func relay(all []echo, encodings []component.CanonOptKind) []byte {
	return component.Encode(&component.Component{Definitions: []component.Definition{
		&component.NestedComponent{Binary: echoes(all)},
		&component.Instance{},
		&component.NestedComponent{Binary: relaying(all, encodings)},
		&component.Instance{Component: 1, Args: []component.Arg{{Name: "echoes", Ref: component.Ref{Sort: component.InstanceSort}}}},
		&component.Export{Name: component.Name{Text: "relay"}, Ref: component.Ref{Sort: component.InstanceSort, Index: 1}},
	}})
}

// relaying makes the component that calls echoes, which it imports.
func relaying(all []echo, encodings []component.CanonOptKind) []byte {
	n := uint32(len(all))
	d := newDefiner()
	d.define(&component.InstanceType{Decls: echoDecls(all)})
	d.add(
		&component.Import{Name: component.Name{Text: "echoes"}, Desc: component.ExternDesc{Kind: component.InstanceExtern}},
		&component.CoreModule{Binary: memoryModule()}, &component.CoreInstance{},
	)
	d.alias(component.CoreMemorySort, 0, "memory")
	d.alias(component.CoreFuncSort, 0, "realloc")
	var lowered []component.CoreExport
	for i := range n {
		d.add(
			&component.Alias{Kind: component.ExportAlias, Sort: component.FuncSort, Name: fmt.Sprintf("f%d", i)},
			&component.Canon{Builtin: component.Lower, Func: i, Options: []component.CanonOpt{
				{Kind: encodings[i]}, {Kind: component.MemoryOpt}, {Kind: component.ReallocOpt},
			}})
		lowered = append(lowered, component.CoreExport{Name: fmt.Sprintf("f%d", i), Ref: component.Ref{Sort: component.CoreFuncSort, Index: 1 + i}})
	}
	d.add(
		&component.CoreInstance{Inline: true, Exports: lowered},
		&component.CoreModule{Binary: relayModule(all)},
		&component.CoreInstance{Module: 1, Args: []component.CoreArg{{Name: "memory", Instance: 0}, {Name: "echoes", Instance: 1}}},
	)
	for i, e := range all {
		core, function := 1+n+2*uint32(i), n+2*uint32(i)
		d.function(e, i, encodings[i], 2, core, function)
	}
	return component.Encode(&component.Component{Definitions: d.definitions})
}

// echoDecls declares what a component of echoes exports.
func echoDecls(all []echo) []component.Definition {
	d := newDefiner()
	d.declare = true
	for i, e := range all {
		d.add(&component.ExportDecl{
			Name: component.Name{Text: fmt.Sprintf("f%d", i)}, Desc: component.ExternDesc{Kind: component.FuncExtern, Index: d.funcType(e)},
		})
	}
	return d.definitions
}

// memoryModule makes a core module with what a component needs for its values: a memory and realloc. What is allocated is
// counted in a global, so that others can free it.
func memoryModule() []byte {
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, [][]byte{reallocType}), section(3, [][]byte{{0}}), section(5, [][]byte{{0, memoryPages}}), section(6, [][]byte{nextGlobal}),
		section(7, [][]byte{named("memory", 2, 0), named("realloc", 0, 0), named("next", 3, 0)}), section(10, [][]byte{sized(reallocBody)}))
}

// relayModule makes the core module that calls echoes: with its arguments as they are, and with room for a result that is
// returned in memory.
func relayModule(all []echo) []byte {
	n := byte(len(all))
	var coreTypes, functions, exports, bodies [][]byte
	imports := [][]byte{slices.Concat(sized([]byte("memory")), sized([]byte("next")), []byte{3, i32, 1})}
	for i, e := range all {
		params, result := e.coreType()
		body := []byte{}
		for k := range params {
			body = append(body, localGet, byte(k))
		}
		importType := slices.Concat([]byte{0x60}, sized(params), []byte{1, result})
		if e.returnsInMemory() {
			importType = slices.Concat([]byte{0x60}, sized(append(slices.Clip(params), i32)), []byte{0})
			body = slices.Concat(body, constant32(resultBase), []byte{call, byte(i)}, constant32(resultBase))
		} else {
			body = append(body, call, byte(i))
		}
		coreTypes = append(coreTypes, importType, slices.Concat([]byte{0x60}, sized(params), []byte{1, result}), []byte{0x60, 1, result, 0})
		imports = append(imports, slices.Concat(sized([]byte("echoes")), sized(fmt.Appendf(nil, "f%d", i)), []byte{0, byte(3 * i)}))
		functions = append(functions, []byte{byte(3*i + 1)}, []byte{byte(3*i + 2)})
		exports = append(exports, named(fmt.Sprintf("f%d", i), 0, n+byte(2*i)), named(fmt.Sprintf("post%d", i), 0, n+byte(2*i)+1))
		bodies = append(bodies, sized(slices.Concat([]byte{0}, body, []byte{end})), sized(postBody))
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, coreTypes), section(2, imports), section(3, functions), section(7, exports), section(10, bodies))
}
