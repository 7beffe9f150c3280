package wit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
)

func world(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	typ, err := types.Check(c, types.Features{})
	if err != nil {
		t.Fatal(err)
	}
	return wit.World(typ)
}

// The worlds of components. `UPDATE_REFERENCE=1 go test ./component/wit` writes them; `wasm-tools component wit FILE.wit`
// reads each, and writes what it writes of the component.
func TestWorld(t *testing.T) {
	for _, file := range []string{
		"integration/testdata/components/calc.wasm", "integration/testdata/components/counters.wasm",
		"integration/testdata/components/provider.wasm", "integration/testdata/components/user.wasm",
		"integration/testdata/components/rust-command.wasm",
		"component/plan/testdata/hostresource.wasm", "component/wit/testdata/uses.wasm",
	} {
		got := world(t, file)
		golden := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(file), ".wasm")+".wit")
		if os.Getenv("UPDATE_REFERENCE") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}
