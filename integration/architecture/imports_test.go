// Package architecture holds the rules of who may import whom. They are what keeps the executor
// free of WebAssembly, the library free of gRPC, and the command line free of the daemon.
package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/reactord/reactord/"

// layers are the packages of the project from the bottom up. A package may import those of its own
// layer's list and nothing else of the project. Prefixes match whole path elements; the longest
// one that matches a package is its layer.
var layers = map[string][]string{
	"proto":                        {},
	"executor/driver":              {},
	"executor":                     {"executor/driver", "executor/internal"},
	"executor/internal":            {"executor/internal"},
	"executor/engine/meter":        {"executor/engine/meter"},
	"executor/engine/memory":       {},
	"executor/engine":              {"executor/engine/meter", "executor/engine/memory"},
	"hostcalls/vfs":                {"hostcalls/vfs"},
	"hostcalls":                    {"executor", "executor/driver", "executor/engine", "executor/engine/memory", "hostcalls", "hostcalls/vfs"},
	"reactor/errs":                 {},
	"reactor/policy":               {},
	"reactor/store":                {"reactor/store"},
	"reactor/internal":             {"reactor/internal", "reactor/errs", "reactor/store", "hostcalls", "executor", "executor/driver"},
	"reactor":                      {"reactor", "executor", "hostcalls"},
	"examples":                     {},
	"cmd/internal/local":           {},
	"cmd/internal/printable":       {},
	"cmd/reactord":                 {"cmd/reactord", "cmd/internal/local", "cmd/internal/printable", "reactor", "proto", "examples"},
	"cmd/reactorctl":               {"cmd/reactorctl", "cmd/internal/local", "cmd/internal/printable", "proto"}, // what both must agree on
	"cmd/internal/reference":       {},
	"integration/internal/testkit": {"proto", "cmd"},
}

// outside are packages of others that only some of ours may import.
var outside = map[string][]string{
	"github.com/tetratelabs/wazero": {"executor/engine", "hostcalls", "integration"},
	"google.golang.org/grpc":        {"proto", "cmd", "integration"},
	"google.golang.org/protobuf":    {"proto", "cmd", "integration"},
	"modernc.org/sqlite":            {"reactor/store/sqlite"},
	"github.com/spf13/cobra":        {"cmd", "docs"},
	"C":                             {},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module); ok {
				checkOwn(t, path, own)
				continue
			}
			for name, users := range outside {
				if under(imported, name) && !underAny(path, users) {
					t.Errorf("%s imports %s, which only %v may", path, imported, users)
				}
			}
		}
	}
}

func checkOwn(t *testing.T, path, imported string) {
	t.Helper()
	layer := ""
	for name := range layers {
		if under(path, name) && len(name) > len(layer) {
			layer = name
		}
	}
	switch {
	case layer == "" && (under(path, "integration") || under(path, "docs")):
	case layer == "":
		t.Errorf("%s belongs to no layer: name it in this test", path)
	case !underAny(imported, layers[layer]):
		t.Errorf("%s imports %s, but %s may only import %v", path, imported, layer, layers[layer])
	}
}

// list returns every package of the module, without its tests.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func underAny(path string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if under(path, prefix) {
			return true
		}
	}
	return false
}
