package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const mib = 1 << 20

// residentMemory is what the daemon's process has in memory.
func residentMemory(t *testing.T, d *testkit.Daemon) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.PID))
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// calling is a module whose _start has the code, or calls a second function that has it.
func calling(code ...byte) *wasm.Module {
	return &wasm.Module{
		Types:     []wasm.FuncType{{}},
		Functions: []uint32{0, 0},
		Exports:   []wasm.Export{{Name: "_start"}},
		Bodies:    []wasm.Body{{Code: []byte{0x10, 1, 0x0b}}, {Code: append(code, 0x0b)}},
	}
}

// named appends a name section, with which the second function has a name of that many bytes.
func named(module []byte, size int) []byte {
	function := slices.Concat([]byte{1, 1}, binary.AppendUvarint(nil, uint64(size)), bytes.Repeat([]byte{'f'}, size))
	names := slices.Concat([]byte{1}, binary.AppendUvarint(nil, uint64(len(function))), function)
	section := slices.Concat([]byte("\x04name"), names)
	return slices.Concat(module, []byte{0}, binary.AppendUvarint(nil, uint64(len(section))), section)
}

// TestLongNamesCostNothing: a guest traps in a function that has a name of 16 MiB.
func TestLongNamesCostNothing(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	const recursion = 40
	m := calling()
	m.Types = append(m.Types, wasm.FuncType{Params: []wasm.ValType{wasm.I32}})
	m.Functions[1] = 1
	m.Bodies[0].Code = []byte{0x41, recursion, 0x10, 1, 0x0b}
	m.Bodies[1].Code = []byte{0x20, 0, 0x45, 0x04, 0x40, 0x00, 0x05, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x0b, 0x0b} // f(0) traps
	digest := d.Push(t, named(m.Encode(), 16*mib))
	before := residentMemory(t, d)
	for range 3 {
		status := d.Run(t, &reactorv1.WorkloadSpec{Module: digest})
		if !strings.Contains(status.GetMessage(), "at ffff") {
			t.Fatalf("ended as %v: %.200q", status.GetState(), status.GetMessage())
		}
		if cpu := status.GetUsage().GetCpuTime().AsDuration(); cpu > 50*time.Millisecond {
			t.Errorf("a trap takes %v of a worker", cpu)
		}
	}
	if more := residentMemory(t, d) - before; more > 32*mib {
		t.Errorf("three traps take %d MiB", more>>20)
	}
}

// TestModulesThatSayTooMuch: what a module says of itself is bounded by bytes, not by how many.
func TestModulesThatSayTooMuch(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	before := residentMemory(t, d)
	values := slices.Repeat([]wasm.ValType{wasm.I32}, 1000)
	zeroes := slices.Concat(bytes.Repeat([]byte{0x41, 0}, len(values)), []byte{0x0b})
	wide := func(exports int) *wasm.Module {
		m := calling()
		m.Types = append(m.Types, wasm.FuncType{Params: values, Results: values})
		m.Functions = append(m.Functions, 1)
		m.Bodies = append(m.Bodies, wasm.Body{Code: zeroes})
		for i := range exports {
			m.Exports = append(m.Exports, wasm.Export{Name: strconv.Itoa(i), Index: 2})
		}
		return m
	}
	long := calling()
	long.Exports = append(long.Exports, wasm.Export{Name: strings.Repeat("x", 16*mib), Index: 1})
	foreign := calling()
	foreign.Imports = []wasm.Import{{Module: "env", Name: strings.Repeat("y", 1000)}}
	for name, tt := range map[string]struct {
		m    *wasm.Module
		code codes.Code
	}{
		"2,000 exports of a large type":   {wide(2_000), codes.ResourceExhausted},
		"120,000 exports of a large type": {wide(120_000), codes.ResourceExhausted},
		"an export with a long name":      {long, codes.ResourceExhausted},
		"an import that is not there":     {foreign, codes.InvalidArgument},
	} {
		_, err := d.TryPush(t.Context(), tt.m.Encode(), "")
		if status.Code(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
		if text := err.Error(); len(text) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(text))
		}
	}
	digest := d.Push(t, wide(100).Encode())
	for range 3 {
		got, err := d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: digest})
		if err != nil || len(got.GetModule().GetExports()) != 101 {
			t.Errorf("%d exports, %v", len(got.GetModule().GetExports()), err)
		}
	}
	if more := residentMemory(t, d) - before; more > 300*mib {
		t.Errorf("the daemon has %d MiB more", more>>20)
	}
}
