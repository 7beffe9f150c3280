package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// buildTool is what binaries of testdata were built with: a command, and how the version begins that it prints.
type buildTool struct{ command, version string }

var wasmTools = buildTool{"wasm-tools --version", "wasm-tools 1.263.0"}

// TestComponentsMatchSources builds the components of testdata again, where the tools are.
func TestComponentsMatchSources(t *testing.T) {
	matchSources(t, "testdata/components", []string{"rust-command", "rust-echo"},
		buildTool{"python3 -m ziglang version", "0.17.1"}, wasmTools, buildTool{"wit-bindgen --version", "wit-bindgen-cli 0.63.0"},
		buildTool{"rustc --version", "rustc 1.95.0 "})
}

// TestServicesMatchSources does so with the services.
func TestServicesMatchSources(t *testing.T) {
	matchSources(t, "testdata/services", []string{"service", "proxy"}, wasmTools,
		buildTool{`rustc --version && test -n "$CARGO_UNSTABLE_BUILD_STD"`, "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"})
}

// matchSources has build.sh of a folder build all that is there again. It skips the test without the tools, or the crates.
func matchSources(t *testing.T, folder string, crates []string, tools ...buildTool) {
	t.Helper()
	for _, tool := range tools {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", tool.command).Output()
		if err != nil || !strings.HasPrefix(string(out), tool.version) {
			t.Skipf("the binaries were built with %q; %s gives %q, %v", tool.version, tool.command, out, err)
		}
	}
	for _, crate := range crates {
		fetch := exec.CommandContext(t.Context(), "cargo", "fetch", "--locked", "--target", "wasm32-wasip1")
		fetch.Dir = filepath.Join(folder, crate)
		if out, err := fetch.CombinedOutput(); err != nil {
			t.Skipf("the crates are not to be had: %v\n%s", err, out)
		}
	}
	built := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(folder, "build.sh"), built).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dir := range []string{built, folder} {
		all, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
		if err != nil || len(all) == 0 {
			t.Fatalf("no components in %s: %v", dir, err)
		}
		for _, path := range all {
			name := filepath.Base(path)
			one, err := os.ReadFile(filepath.Join(built, name))
			if err != nil {
				t.Errorf("%s is not built any more: %v", name, err)
				continue
			}
			if committed, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Equal(one, committed) {
				t.Errorf("%s is not what its source gives: run %s/build.sh (%v)", name, folder, err)
			}
		}
	}
}

// TestIdleComponents: a component of several core modules is one of the modules that are kept while no guest uses them.
func TestIdleComponents(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--idle-modules=2")
	compiled := func() uint64 {
		response, err := d.Node.GetStats(t.Context(), &reactorv1.GetStatsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetStats().GetCompiledModules()
	}
	for i, name := range []string{"composed", "calc", "rust-command", "c-command", "composed"} {
		module := pushComponent(t, d, name)
		if name == "composed" {
			id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Call: &reactorv1.FunctionCall{Export: "run", Args: []*reactorv1.Value{whole(10)}}})
			if s := d.WaitFor(t, id); s.GetResult().GetVariant().GetValue().GetInt() != 155 {
				t.Error(s)
			}
		}
		want := uint64(min(i+1, 2))
		until(t, fmt.Sprintf("%d modules are compiled after the push of %s", want, name), func() bool { return compiled() == want })
	}
	// What calls without a workload have used is kept no longer.
	for _, one := range []struct {
		module string
		call   *reactorv1.FunctionCall
	}{
		{"calc", &reactorv1.FunctionCall{Export: "nothing"}},
		{"composed", &reactorv1.FunctionCall{Export: "run", Args: []*reactorv1.Value{whole(10)}}},
		{"adding", &reactorv1.FunctionCall{Export: "add-twice", Args: []*reactorv1.Value{whole(1), whole(2)}}},
	} {
		spec := &reactorv1.WorkloadSpec{Module: pushComponent(t, d, one.module), Call: one.call}
		for range 2 {
			response, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: spec})
			if err != nil || response.GetStatus().GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
				t.Errorf("%s: %v, %v", one.module, response, err)
			}
		}
		until(t, "2 modules are compiled after a call of "+one.module, func() bool { return compiled() == 2 })
	}
	d.Push(t, []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b"))
	if n := compiled(); n != 2 {
		t.Errorf("%d modules are compiled after the push of a core module", n)
	}
}
