package integration

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// stripped returns a module without its names.
func stripped(t *testing.T, module []byte) []byte {
	t.Helper()
	out, rest := append([]byte(nil), module[:8]...), module[8:]
	for len(rest) > 0 {
		size, n := binary.Uvarint(rest[1:])
		end := 1 + n + int(size)
		if n <= 0 || end > len(rest) {
			t.Fatal("the module is malformed")
		}
		if rest[0] != 0 {
			out = append(out, rest[:end]...)
		}
		rest = rest[end:]
	}
	return out
}

// Deaths of real guests are told in their owners' terms: what happened, which limit refused what, with which flag to raise
// it, and where it was.
func TestDeathsAreTold(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	dir := t.TempDir()
	write := func(name string, module []byte) string {
		path := filepath.Join(dir, name+".wasm")
		if err := os.WriteFile(path, module, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rust, err := os.ReadFile("testdata/guests/crash/crash.wasm")
	if err != nil {
		t.Fatal(err)
	}
	crash, bare := write("crash", rust), write("bare", stripped(t, rust))
	hoard := write("hoard", testkit.GoGuest(t, "testdata/guests/hoard"))
	const unreachable = "it executed unreachable, as programs do that panic or abort"
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   []string // in this order
		never  string
		trap   string
		cause  string
	}{
		{
			name: "a Rust panic", args: []string{"--id", "panic", crash}, status: 134,
			says: []string{
				"nobody is there\n", "reactorctl: workload panic failed (trap): the guest crashed: " + unreachable + "\n",
				"    at ", "at <crash::shop::Cart<i32>>::share\n", "    at crash::main\n",
				"more of the stack: `reactorctl status panic`", "its output above",
			},
			never: "__rust_end_short_backtrace", trap: "unreachable",
		},
		{
			name: "without names", args: []string{bare}, status: 134,
			says: []string{unreachable, "    at function ", " (code at 0x"}, trap: "unreachable",
		},
		{
			name: "Rust out of memory", args: []string{"--id", "hoard", "--memory", "16M", crash, "hoard"}, status: 134,
			says: []string{
				"memory allocation of 1048576 bytes failed", "the guest crashed: memory.grow to ",
				" was refused: the limit is 16 MiB (--memory); it then executed unreachable", "at crash::main\n",
			},
			never: "its output above", trap: "unreachable", cause: "the limit is 16 MiB",
		},
		{
			name: "Go out of memory", args: []string{"--memory", "64MiB", hoard}, status: 2,
			says: []string{"out of memory", "the guest exited with code 2; shortly before, memory.grow to ", "of 64 MiB (--memory)\n"},
		},
		{
			name: "a stack in memory that is too deep", args: []string{crash, "descend"}, status: 134,
			says: []string{"it used memory out of bounds, probably because it called itself too deeply", "at crash::descend (", " times)\n"},
			trap: "out of bounds memory access",
		},
		{
			name: "a call stack that is too deep", args: []string{"--stack", "64KiB", crash, "descend"}, status: 134,
			says: []string{"(stack overflow): the guest's call stack outgrew its limit of 64 KiB (--stack)\n", "at crash::descend ("},
			trap: "stack overflow",
		},
		{
			name: "out of fuel", args: []string{"--fuel", "5e7", crash, "spin"}, status: 134,
			says: []string{"(out of fuel): the guest used up its fuel of 50000000 units (--fuel)\n"},
		},
		{
			name: "too late", args: []string{"--timeout", "50ms", crash, "spin"}, status: 124,
			says: []string{"its timeout of 50ms passed (--timeout)\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs, status := c.run(t, "", append([]string{"run"}, tt.args...)...)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			rest := errs
			for _, says := range tt.says {
				_, after, ok := strings.Cut(rest, says)
				if !ok {
					t.Fatalf("after %q it does not say %q:\n%s", errs[:len(errs)-len(rest)], says, errs)
				}
				rest = after
			}
			if strings.Count(errs, "    at crash::main\n") > 1 || strings.Count(errs, "more of the stack") > 1 {
				t.Errorf("it tells the stack twice:\n%s", errs)
			}
			if tt.never != "" && strings.Contains(errs, tt.never) {
				t.Errorf("it says %q:\n%s", tt.never, errs)
			}
			if _, id, ok := strings.Cut(errs, "reactorctl: workload "); ok {
				id, _, _ = strings.Cut(id, " ")
				checkCrash(t, c.daemon.Status(t, id), tt.trap, tt.cause)
			}
		})
	}
	t.Run("wait says where the stack is", func(t *testing.T) {
		_, errs, status := c.run(t, "", "wait", "panic")
		if status != 134 || errs != "  the stack: `reactorctl status panic`\n" {
			t.Errorf("status %d: %s", status, errs)
		}
	})
	t.Run("in full", func(t *testing.T) {
		full := c.must(t, "status", "panic")
		if !strings.Contains(full, "__rust_end_short_backtrace") || !strings.Contains(full, unreachable) {
			t.Errorf("status says\n%s", full)
		}
	})
}

// checkCrash checks the fields of a status.
func checkCrash(t *testing.T, s *reactorv1.WorkloadStatus, trap, cause string) {
	t.Helper()
	crash := s.GetCrash()
	if crash.GetTrap() != trap || (cause == "") != (crash.GetCause() == "") || !strings.Contains(crash.GetCause(), cause) {
		t.Errorf("the crash is %v, want the trap %q for %q", crash, trap, cause)
	}
	if strings.Contains(s.GetMessage(), "\n") || strings.Contains(s.GetMessage(), " at ") {
		t.Errorf("the message has the stack: %s", s.GetMessage())
	}
	for _, f := range crash.GetFrames() {
		if f.GetCodeOffset() == 0 || strings.HasPrefix(f.GetFunction(), "_R") || f.GetFunction() != "" && f.GetFunction() == f.GetSymbol() {
			t.Errorf("frame %v", f)
		}
	}
}

// A limit of memory that leaves no room for the module's tables and input is refused when it is submitted, not when the
// guest starts.
func TestMemoryForTheStartIsChecked(t *testing.T) {
	c := newCtl(t)
	rust := "testdata/guests/crash/crash.wasm"
	module, err := os.ReadFile(rust)
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.daemon.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: c.daemon.Push(t, module)})
	if err != nil {
		t.Fatal(err)
	}
	least := info.GetModule().GetMemory().GetMinBytes()
	if _, errs, status := c.run(t, "", "run", "--memory", strconv.FormatUint(least, 10), rust); status != 125 || !strings.Contains(errs, "reactorctl: --memory: ") || !strings.Contains(errs, "with which the module starts (memory: ") {
		t.Errorf("status %d: %s", status, errs)
	}
}
