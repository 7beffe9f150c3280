package wave_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wave"
	"github.com/reactord/reactord/component/wit"
)

// The calls of the reference implementation's tests are accepted or rejected as there: REACTORD_WAVE_SUITE names the
// folder crates/wasm-wave/tests/ui of bytecodealliance/wasm-tools.
func TestSuite(t *testing.T) {
	folder := os.Getenv("REACTORD_WAVE_SUITE")
	if folder == "" {
		t.Skip("REACTORD_WAVE_SUITE names no folder")
	}
	functions := suiteFunctions(t, filepath.Join(folder, "ui.wit"))
	files, err := filepath.Glob(filepath.Join(folder, "*.waves"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		accept := strings.HasPrefix(filepath.Base(file), "accept-")
		for _, call := range strings.Split(strings.TrimRight(strings.TrimSpace(string(text)), ";"), ";\n") {
			if err := suiteCall(functions, call); (err == nil) != accept {
				t.Errorf("%s: %s: %v", filepath.Base(file), call, err)
			}
		}
	}
}

// suiteFunctions reads the functions of the one interface in a file, by all their names.
func suiteFunctions(t *testing.T, file string) map[string]*types.Func {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "interface ui {")
	body = body[:strings.LastIndexByte(body, '}')]
	function := regexp.MustCompile(`(?m)^\s*%?([a-z0-9-]+): (func\(.*\));$`)
	i, err := wit.NewScope(types.NewTable()).Define("ui:tests/ui", function.ReplaceAllString(body, ""))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*types.Func{}
	for _, match := range function.FindAllStringSubmatch(body, -1) {
		f, err := i.Func(match[2])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", "ui.", "ui:tests/ui."} {
			functions[name+match[1]], functions[name+match[1]+"@0.1.0"] = f, f
		}
	}
	return functions
}

func suiteCall(functions map[string]*types.Func, call string) error {
	name, err := wave.Function(call)
	if err != nil {
		return err
	}
	f, ok := functions[name]
	if !ok {
		return os.ErrNotExist
	}
	_, err = wave.ParseCall(f, call, nil)
	return err
}
