package attack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// storing is a module with one function of that many bytes: stores, one after the other.
func storing(size int) []byte {
	store := []byte{0x41, 0, 0x41, 1, 0x36, 2, 0} // i32.store (i32.const 0) (i32.const 1)
	m := calling(bytes.Repeat(store, size/len(store))...)
	m.Memories = []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}}
	return m.Encode()
}

// TestLargeFunction: what compiling may take follows the largest function, up to what compilations may have together.
func TestLargeFunction(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--compile-memory=2GiB")
	digest := d.Push(t, storing(1*mib))
	if status := d.Run(t, &reactorv1.WorkloadSpec{Module: digest}); status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.Errorf("ended as %v: %s", status.GetState(), status.GetMessage())
	}
	d.Stop()

	d = testkit.Start(t, t.TempDir(), "--compile-memory=256MiB")
	_, err := d.TryPush(t.Context(), storing(1*mib), "")
	if status.Code(err) != codes.ResourceExhausted || retryOf(err) != 0 {
		t.Fatalf("a push that takes more memory than there is: %v", err)
	}
	for _, text := range []string{"256 MiB", "largest function", "split it up", "more memory for compilations"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not tell %q", err, text)
		}
	}
}

// TestBlocksInARow: the compiler takes long for a great many blocks; whoever sends them hears that it is too long, and by how much.
func TestBlocksInARow(t *testing.T) {
	long(t)
	d := testkit.Start(t, t.TempDir())
	block := []byte{0x02, 0x40, 0x20, 0, 0x0d, 0, 0x41, 1, 0x21, 0, 0x0b} // leave, or set the local
	m := calling(bytes.Repeat(block, 90_000)...)
	m.Bodies[1].Locals = []wasm.LocalGroup{{Count: 8, Type: wasm.I32}}
	_, err := d.TryPush(t.Context(), m.Encode(), "")
	if status.Code(err) != codes.ResourceExhausted || retryOf(err) != 0 || !strings.Contains(err.Error(), "processor time") {
		t.Errorf("90,000 blocks: %v", err)
	}
}

// TestTableOfRules: a program of Go's has a function of megabytes, as compilers of tables write it.
func TestTableOfRules(t *testing.T) {
	long(t)
	const rules = 40_000
	dir := t.TempDir()
	var source strings.Builder
	source.WriteString("package main\n\nimport \"os\"\n\ntype rule struct{ from, to, weight int; name string }\n\n" +
		"//go:noinline\nfunc table(x int) []rule {\n\treturn []rule{\n")
	for i := range rules {
		fmt.Fprintf(&source, "\t\t{x + %d, x ^ %d, x * %d, \"rule %d\"},\n", i, i+7, i%97+1, i)
	}
	source.WriteString("\t}\n}\n\nfunc main() {\n\tif t := table(1); len(t) != 40000 || t[39999].from != 40000 {\n\t\tos.Exit(1)\n\t}\n}\n")
	for name, content := range map[string]string{"main.go": source.String(), "go.mod": "module rules\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := testkit.GoGuest(t, dir)
	d := testkit.Start(t, t.TempDir())
	begun := time.Now()
	digest := d.Push(t, binary)
	t.Logf("%d bytes are pushed in %v", len(binary), time.Since(begun))
	if status := d.Run(t, &reactorv1.WorkloadSpec{Module: digest}); status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.Errorf("ended as %v: %s", status.GetState(), status.GetMessage())
	}
}
