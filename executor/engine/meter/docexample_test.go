package meter_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// TestDocExample: the example in doc.go is what Rewrite makes of the function.
func TestDocExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	original := exampleModule()
	out, _, err := meter.Rewrite(original.Encode(), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	metered, err := wasm.Decode(out, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		disassemble(t, original, []string{"count"}),
		disassemble(t, metered, []string{"yield", "grow_stack", "clear", "count"}),
	} {
		if !strings.Contains(withoutRemarks(string(doc)), want) {
			t.Errorf("doc.go does not have this:\n%s", want)
		}
	}
}

// withoutRemarks returns the text of comments without the remarks in it, which follow two semicolons.
func withoutRemarks(doc string) string {
	doc = regexp.MustCompile(`(?m) *;;.*$`).ReplaceAllString(doc, "")
	return regexp.MustCompile(`(?m)^//\t`).ReplaceAllString(doc, "")
}

const opI32Load = wasm.Op(0x28)

// exampleModule has one function, which counts the nodes of a binary tree in memory: it calls itself for the left child of
// a node, and loops for the right one.
func exampleModule() *wasm.Module {
	const node, n = 0, 1
	var c wasm.Code
	load := func(offset byte) {
		c.Index(wasm.OpLocalGet, node)
		c.Op(opI32Load)
		c.Raw(2, offset)
	}
	c.Begin(wasm.OpLoop)
	c.Index(wasm.OpLocalGet, node)
	c.Begin(wasm.OpIf)
	load(0)
	c.Index(wasm.OpCall, 0)
	c.Index(wasm.OpLocalGet, n)
	c.Op(wasm.OpI32Add)
	c.I32Const(1)
	c.Op(wasm.OpI32Add)
	c.Index(wasm.OpLocalSet, n)
	load(4)
	c.Index(wasm.OpLocalSet, node)
	c.Index(wasm.OpBr, 1)
	c.Op(wasm.OpEnd, wasm.OpEnd)
	c.Index(wasm.OpLocalGet, n)
	c.Op(wasm.OpEnd)
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}},
		Bodies:    []wasm.Body{{Locals: []wasm.LocalGroup{{Count: 1, Type: wasm.I32}}, Code: c}},
	}
}

// disassemble returns the only function of a module in text notation. A line ends after a store of a variable, a call or a
// branch.
func disassemble(t *testing.T, m *wasm.Module, functions []string) string {
	t.Helper()
	body := m.Bodies[0]
	instrs, err := wasm.ParseBody(&body, len(exampleLocals), m.Space(), wasm.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := "(func $count (param $node i32) (result i32) (local $n i32)"
	if len(body.Locals) > 1 {
		text += " (local $fuel i64)"
	}
	depth, midLine := 1, false
	for i, in := range instrs[:len(instrs)-1] {
		if in.Op == wasm.OpEnd {
			depth--
		}
		if midLine && in.Op != wasm.OpEnd {
			text += " "
		} else {
			text += "\n" + strings.Repeat("  ", depth)
		}
		words, endsLine := inText(t, in, body.Code[in.Pos:instrs[i+1].Pos], functions)
		text += words
		midLine = !endsLine
		if in.Op == wasm.OpBlock || in.Op == wasm.OpLoop || in.Op == wasm.OpIf {
			depth++
		}
	}
	return text + ")\n"
}

var (
	exampleLocals  = []string{"$node", "$n", "$fuel"}
	exampleGlobals = []string{"$fuel", "$stack"}
)

// inText returns an instruction in text notation, and whether it ends a line.
func inText(t *testing.T, in wasm.Instr, code []byte, functions []string) (words string, endsLine bool) {
	t.Helper()
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		words = map[wasm.Op]string{wasm.OpBlock: "block", wasm.OpLoop: "loop", wasm.OpIf: "if"}[in.Op]
		if kind := code[1]; kind != 0x40 {
			words += fmt.Sprintf(" (result %s)", wasm.ValType(kind))
		}
		return words, true
	case wasm.OpEnd:
		return "end", true
	case wasm.OpBr:
		return fmt.Sprintf("br %d", in.A), true
	case wasm.OpBrIf:
		return fmt.Sprintf("br_if %d", in.A), true
	case wasm.OpCall:
		return "call $" + functions[in.A], true
	case wasm.OpLocalSet:
		return "local.set " + exampleLocals[in.A], true
	case wasm.OpGlobalSet:
		return "global.set " + exampleGlobals[in.A], true
	case wasm.OpLocalGet:
		return "local.get " + exampleLocals[in.A], false
	case wasm.OpGlobalGet:
		return "global.get " + exampleGlobals[in.A], false
	case wasm.OpI32Const:
		return fmt.Sprintf("i32.const %d", int32(in.A)), false
	case wasm.OpI64Const:
		return fmt.Sprintf("i64.const %d", signed(code[1:])), false
	case opI32Load:
		if code[2] == 0 {
			return "i32.load", false
		}
		return fmt.Sprintf("i32.load offset=%d", code[2]), false
	}
	words, ok := map[wasm.Op]string{
		wasm.OpI32Add: "i32.add", wasm.OpI64Add: "i64.add", wasm.OpI64Sub: "i64.sub", wasm.OpI64Or: "i64.or",
		wasm.OpI64LtS: "i64.lt_s", wasm.OpI64GeS: "i64.ge_s",
	}[in.Op]
	if !ok {
		t.Fatalf("instruction %#x has no text", in.Op)
	}
	return words, false
}

// signed decodes a signed LEB128 integer.
func signed(code []byte) (v int64) {
	shift := 0
	for _, b := range code {
		v |= int64(b&0x7f) << shift
		shift += 7
	}
	if code[len(code)-1]&0x40 != 0 {
		v |= -1 << shift
	}
	return v
}
