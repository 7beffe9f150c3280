package meter_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// instruction is a line of testdata/spec/instructions.txt.
type instruction struct {
	prefix     byte // or the whole opcode
	sub        uint32
	name       string
	immediates []string
	takes      []string
	leaves     []string
	since      string // a version of the specification, or a proposal
}

func (in instruction) op() wasm.Op {
	if in.prefix >= 0xfb {
		return wasm.Op(in.prefix)<<8 | wasm.Op(in.sub)
	}
	return wasm.Op(in.prefix)
}

// opcode returns the bytes of the opcode.
func opcode(prefix byte, sub uint32) []byte {
	if prefix >= 0xfb && prefix <= 0xfe {
		return wasm.AppendU32([]byte{prefix}, sub)
	}
	return []byte{prefix}
}

// supported tells whether guests may use the instruction.
func (in instruction) supported() bool {
	return in.since == "1.0" || in.since == "2.0" || in.since == "tail calls"
}

// scalar tells whether the instruction is an arithmetic one of integers and floating point.
func (in instruction) scalar() bool { return in.prefix >= 0x45 && in.prefix <= 0xc4 }

// specified reads the instructions of the specification.
func specified(t testing.TB) []instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "spec", "instructions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	list := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '-' })
	}
	var all []instruction
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		bytes, err := hex.DecodeString(fields[0])
		if err != nil || len(fields) < 5 {
			t.Fatalf("instructions.txt: %q: %v", line, err)
		}
		takes, leaves, _ := strings.Cut(fields[3], "->")
		in := instruction{
			prefix: bytes[0], name: fields[1], immediates: list(fields[2]),
			takes: list(takes), leaves: list(leaves), since: strings.Join(fields[4:], " "),
		}
		for i, b := range bytes[1:] {
			in.sub |= uint32(b&0x7f) << (7 * i)
		}
		all = append(all, in)
	}
	return all
}

// TestOpcodeSpace checks the decoder against the whole table: supported instructions are decoded, those of a proposal are
// refused with the proposal's name, the offset and an advice, and nothing else is an instruction.
func TestOpcodeSpace(t *testing.T) {
	known := map[string]instruction{}
	for _, in := range specified(t) {
		known[string(opcode(in.prefix, in.sub))] = in
	}
	try := func(prefix byte, sub uint32) {
		code := opcode(prefix, sub)
		in, ok := known[string(code)]
		if ok && in.supported() {
			return // TestInstructions runs it
		}
		m := &wasm.Module{Types: []wasm.FuncType{{}}, Functions: []uint32{0}}
		const nops = 3
		m.Bodies = []wasm.Body{{Code: slices.Concat(slices.Repeat([]byte{1}, nops), code, []byte{0x0b})}}
		binary := m.Encode()
		at := int64(len(binary) - 1 - len(code))
		_, _, err := meter.Rewrite(binary, meter.Options{})
		var e *meter.Error
		switch {
		case !errors.As(err, &e):
			t.Errorf("% x: error = %v", code, err)
		case e.Offset != at:
			t.Errorf("% x: the error is at byte %d, want %d", code, e.Offset, at)
		case !ok && (e.Kind != meter.Malformed || !strings.Contains(e.Msg, "is not an instruction")):
			t.Errorf("% x: error = %v", code, err)
		case ok && (e.Kind != meter.Unsupported || e.Feature != in.since || !strings.Contains(err.Error(), "; ")):
			t.Errorf("% x, %s: error = %v, want it to name %s and what to do", code, in.name, err, in.since)
		}
	}
	for b := range 0x100 {
		if prefix := byte(b); prefix < 0xfb || prefix > 0xfe {
			try(prefix, 0)
			continue
		}
		for sub := range uint32(0x400) {
			try(byte(b), sub)
		}
		for _, sub := range []uint32{1 << 14, 1 << 16, 1<<16 + 8, 1<<32 - 1} {
			try(byte(b), sub)
		}
	}
}

// TestInstructions runs each supported instruction metered and compiled, and unmetered in wazero's interpreter, which
// shares no code with the compiler.
func TestInstructions(t *testing.T) {
	reference, metered := newInterpreter(t), newTestHost(t, 1000)
	opts := meter.Options{ARM64: runtime.GOARCH == "arm64"}
	tried := 0
	for _, in := range specified(t) {
		if !in.supported() {
			continue
		}
		for _, source := range []operandSource{fromConstants, fromParameters, fromConversions, underPressure} {
			if source == fromConversions && testing.Short() && !in.scalar() {
				continue // these are most, and slow in an emulator
			}
			m := program(in, source)
			if m == nil {
				t.Fatalf("%s: no program for it", in.name)
			}
			compareInstruction(t, reference, metered, in, m.Encode(), opts)
		}
		tried++
	}
	if tried != 172+265+2 { // of 1.0, 2.0 and tail calls
		t.Errorf("%d instructions", tried)
	}
}

// TestARM64WorkaroundsAreRight runs the replacements for arm64 on any architecture.
func TestARM64WorkaroundsAreRight(t *testing.T) {
	reference, metered := newInterpreter(t), newTestHost(t, 1000)
	for _, in := range specified(t) {
		switch in.name {
		case "i32.rem_s", "i32.rem_u", "i64.rem_s", "i64.rem_u", "i32.popcnt":
			for _, source := range []operandSource{fromConstants, fromParameters, fromConversions, underPressure} {
				compareInstruction(t, reference, metered, in, program(in, source).Encode(), meter.Options{ARM64: true})
			}
		}
	}
}

// compareInstruction calls the exports of an instruction's program.
func compareInstruction(t *testing.T, reference, metered *testHost, in instruction, binary []byte, opts meter.Options) {
	t.Helper()
	rewritten, info, err := meter.Rewrite(binary, opts)
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	want := callAll(t, reference, in, plain(binary))
	got := callAll(t, metered, in, testModule{binary: rewritten, info: info})
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", in.name, got[i], want[i])
		}
	}
}

func callAll(t *testing.T, h *testHost, in instruction, p testModule) (results []string) {
	t.Helper()
	m, err := h.instantiate(t, p)
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	defer m.Close(t.Context())
	for _, name := range exportedFunctions(m) {
		f := m.ExportedFunction(name)
		types := f.Definition().ResultTypes()
		for _, args := range argumentSets(f.Definition().ParamTypes()) {
			got, err := h.call(t, f, args...)
			results = append(results, fmt.Sprintf("%s(%#x) = %#x %s",
				name, args, canonical(in, types, comparableResults(types, got)), trap(err)))
		}
		results = append(results, fmt.Sprintf("memory after %s: %x", name, memoryHash(m)))
	}
	return results
}

// TestEveryInstructionHasACost: no instruction is free by omission.
func TestEveryInstructionHasACost(t *testing.T) {
	free := []string{"block", "loop", "else", "end", "nop", "drop", "local.get", "local.set", "local.tee",
		"i32.const", "i64.const", "f32.const", "f64.const"}
	for _, in := range specified(t) {
		if cost := meter.Cost(in.op()); in.supported() && (cost == 0) != slices.Contains(free, in.name) {
			t.Errorf("%s costs %d", in.name, cost)
		}
	}
}

// TestArity compares the arities of the pass with the table.
func TestArity(t *testing.T) {
	for _, in := range specified(t) {
		if !in.supported() || strings.Contains(in.name, "call") {
			continue
		}
		switch in.name {
		case "block", "loop", "if", "else", "end", "br", "br_if", "br_table", "return", "unreachable":
			continue
		}
		if takes, leaves := in.op().Arity(); takes != len(in.takes) || leaves != len(in.leaves) {
			t.Errorf("%s takes %d and leaves %d, want %d and %d", in.name, takes, leaves, len(in.takes), len(in.leaves))
		}
	}
}
