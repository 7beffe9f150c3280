package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compilerVersion is the one the committed binaries were built by.
const compilerVersion = "0.17.1"

func TestBinariesMatchSources(t *testing.T) {
	version, err := exec.Command("python3", "-m", "ziglang", "version").Output()
	if err != nil {
		t.Skip("zig is not installed")
	}
	if v := strings.TrimSpace(string(version)); v != compilerVersion {
		t.Skipf("zig is %s, and the binaries were built by %s", v, compilerVersion)
	}
	dir := t.TempDir()
	if out, err := exec.Command("./build-c.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, committed := range map[string][]byte{"sleeper.wasm": Sleeper, "hog.wasm": Hog} {
		built, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Errorf("%s is not what its source gives: run examples/build-c.sh", name)
		}
	}
}

// TestComponentsMatchSources builds the components again, where the tool is.
func TestComponentsMatchSources(t *testing.T) {
	const tool = "wasm-tools 1.263.0"
	if out, err := exec.CommandContext(t.Context(), "wasm-tools", "--version").Output(); err != nil || !strings.HasPrefix(string(out), tool) {
		t.Skipf("the binaries were built by %s; here is %q, %v", tool, out, err)
	}
	for name, committed := range map[string][]byte{"sleeper": SleeperComponent, "crowd": CrowdComponent} {
		text := filepath.Join("component-sleeper", name+".wat")
		built, err := exec.CommandContext(t.Context(), "wasm-tools", "parse", text).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Errorf("%s.wasm is not what its source gives: build it as component-sleeper/README.md says", name)
		}
	}
}

// TestRustBinariesMatchSources builds the guests in Rust that use crates again, where cargo can.
func TestRustBinariesMatchSources(t *testing.T) {
	const compiler = "rustc 1.95.0 "
	if out, err := exec.Command("rustc", "--version").Output(); err != nil || !strings.HasPrefix(string(out), compiler) {
		t.Skipf("the binaries were built by %s; here is %q, %v", compiler, out, err)
	}
	const sysroot = `ls "$(rustc --target wasm32-wasip1 --print target-libdir)" | grep -q libstd`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", sysroot).CombinedOutput(); err != nil {
		t.Skipf("the target is not installed: %v\n%s", err, out)
	}
	guests := []string{"rust-tokio", "rust-wasmedge"}
	for _, guest := range guests {
		fetch := exec.CommandContext(t.Context(), "cargo", "fetch", "--locked")
		fetch.Dir = guest
		if out, err := fetch.CombinedOutput(); err != nil {
			t.Skipf("the crates are not to be had: %v\n%s", err, out)
		}
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "./build-rust.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, guest := range guests {
		built, err := os.ReadFile(filepath.Join(dir, guest+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Join(guest, "echo.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Errorf("%s is not what its source gives: run examples/build-rust.sh", guest)
		}
	}
}

// TestDialBinariesMatchSources builds the guests that open sockets again by the commands of README.md.
func TestDialBinariesMatchSources(t *testing.T) {
	for _, tt := range []struct {
		dir, binary, version string
		command              []string
	}{
		{"c-dial", "dial.wasm", "Debian clang version 14.0.6", []string{"clang", "--target=wasm32-wasi", "-O2", "-s", "-Wall", "-o", "OUT", "dial.c"}},
		{"c-serve", "serve.wasm", "Debian clang version 14.0.6", []string{"clang", "--target=wasm32-wasi", "-O2", "-s", "-Wall", "-o", "OUT", "serve.c"}},
		{"rust-dial", "dial.wasm", "rustc 1.95.0 ", []string{"rustc", "--edition", "2024", "--target", "wasm32-wasip1",
			"-C", "opt-level=s", "-C", "strip=debuginfo", "-o", "OUT", "dial.rs"}},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			if out, err := exec.Command(tt.command[0], "--version").Output(); err != nil || !strings.HasPrefix(string(out), tt.version) {
				t.Skipf("the binary was built by %s; here is %q, %v", tt.version, out, err)
			}
			out := filepath.Join(t.TempDir(), tt.binary)
			command := slices.Clone(tt.command)
			command[slices.Index(command, "OUT")] = out
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Dir = tt.dir
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("the target is not installed: %v\n%s", err, text)
			}
			built, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			committed, err := os.ReadFile(filepath.Join(tt.dir, tt.binary))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(built, committed) {
				t.Error("the binary is not what its source gives: build it as examples/README.md says")
			}
		})
	}
}

// TestBuiltComponentsMatchSources builds the components of build-components.sh again, where the tools are.
func TestBuiltComponentsMatchSources(t *testing.T) {
	for _, tool := range []struct{ command, version string }{
		{"rustc --version && test -n \"$CARGO_UNSTABLE_BUILD_STD\"", "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"},
		{"wasm-tools --version", "wasm-tools 1.263.0"},
		{"wit-bindgen --version", "wit-bindgen-cli 0.63.0"},
		{"python3 -m ziglang version", "0.17.1"},
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", tool.command).Output()
		if err != nil || !strings.HasPrefix(string(out), tool.version) {
			t.Skipf("the binaries were built with %q; %s gives %q, %v", tool.version, tool.command, out, err)
		}
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "./build-components.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, component := range []string{"web/everywhere.wasm", "fetch/rust/fetch.wasm", "fetch/c/fetch.wasm", "middleware/middleware.wasm"} {
		built, err := os.ReadFile(filepath.Join(dir, component))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(component)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Errorf("%s is not what its source gives: run examples/build-components.sh", component)
		}
	}
}
