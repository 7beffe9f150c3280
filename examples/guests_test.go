package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
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
