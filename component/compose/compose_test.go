package compose

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

//go:generate sh -c "for f in testdata/*.wat; do wasm-tools parse $f -o ${f%.wat}.wasm; done"

// The components of these tests are testdata/*.wat, and beside each its binary, as wasm-tools parse makes it.
func sample(t *testing.T, name string) Part {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return Part{name, b}
}

// plugs reads plugs, each as "name" or as "import=name".
func plugs(t *testing.T, list []string) []Plug {
	t.Helper()
	var plugs []Plug
	for _, p := range list {
		imp, name, ok := strings.Cut(p, "=")
		if !ok {
			imp, name = "", p
		}
		plugs = append(plugs, Plug{sample(t, name), imp})
	}
	return plugs
}

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		name   string
		socket string
		plugs  []string
		want   string // imports, exports
	}{
		{"a function", "numbers", []string{"id"}, "export twice"},
		{"a named import", "numbers", []string{"id=id"}, "export twice"},
		{"a plug that imports what it exports", "numbers", []string{"middleware"}, "import id; export twice"},
		{"plugs around each other", "numbers", []string{"middleware", "id"}, "export twice"},
		{"plugs that need each other", "numbers", []string{"ping", "pong"}, "import id; export twice"},
		{"types of the root", "roots", []string{"id"}, "export point; export r; export f; export h; export g"},
		{
			"imports of both become one, in the newer version and with what both have", "app", []string{"kv"},
			"import test:io/error@0.2.7{error [method]error.code [method]error.text}; import test:io/streams@0.2.1{error state read}; " +
				"import test:log/log{log}; export read",
		},
		{
			"types that another import needs", "app", []string{"types"},
			"import test:io/error@0.2.1{error [method]error.code}; import test:io/streams@0.2.1{error state read}; " +
				"import test:kv/types{key}; import test:kv/store{key has}; export read",
		},
		{
			"an interface and what its types come from", "chain", []string{"kv"},
			"import test:io/error@0.2.7{error [method]error.text}; import test:log/log{log}; export test:kv/types{key}; export test:kv/keys{key len}",
		},
		{
			"one plug of two imports", "app", []string{"test:kv/store=kv", "test:kv/types=kv"},
			"import test:io/error@0.2.7{error [method]error.code [method]error.text}; import test:io/streams@0.2.1{error state read}; " +
				"import test:log/log{log}; export read",
		},
		{
			"two plugs", "app", []string{"test:kv/store=kv", "types"},
			"import test:io/error@0.2.7{error [method]error.code [method]error.text}; import test:io/streams@0.2.1{error state read}; " +
				"import test:log/log{log}; export read",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			joined, err := Join(sample(t, c.socket), plugs(t, c.plugs), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := world(t, joined); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			validate(t, joined)
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		socket string
		plugs  []string
		want   string
	}{
		{"another type", "numbers", []string{"id64"}, `id64 does not fit the import id of numbers: parameter "n": it is u64, not u32`},
		{"less than is asked for", "app", []string{"empty"}, `empty does not fit the import test:kv/store of app: there is no "key"`},
		{"imports of different kinds", "app", []string{"other"}, `app and other import different things as test:kv/types`},
		{
			"imports of different types", "app", []string{"clash"},
			`clash imports test:io/error@0.2.1 with a type that does not fit what app imports: "[method]error.code": result: it is u32, not u64`,
		},
		{
			"a resource of a plug that another import needs", "app", []string{"error"},
			`the import test:io/streams@0.2.1 of app cannot be one of the joined component: it needs the resource error of test:io/error@0.2.1, which is plugged: plug it, too`,
		},
		{"a plug for nothing", "numbers", []string{"kv"}, `kv exports nothing that numbers imports: it exports test:kv/types, test:kv/store; numbers imports id`},
		{"an import that is none", "numbers", []string{"ix=id"}, `numbers does not import ix; it imports id`},
		{"an export that is none", "numbers", []string{"id=kv"}, `kv does not export id; it exports test:kv/types, test:kv/store`},
		{"an import that has its plug", "numbers", []string{"id", "middleware"}, `middleware is of no use: id gives id already`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Join(sample(t, c.socket), plugs(t, c.plugs), Options{})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// What is no component is refused under its name.
func TestJoinChecksParts(t *testing.T) {
	module := Part{"m", []byte("\x00asm\x01\x00\x00\x00")}
	invalid := Part{"i", []byte("\x00asm\x0d\x00\x01\x00\x07\x03\x01\x70\x05")}
	for _, c := range []struct {
		socket, plug Part
		want         string
	}{
		{module, sample(t, "id"), "m: at offset 4: a core module, not a component"},
		{sample(t, "numbers"), module, "m: at offset 4: a core module, not a component"},
		{sample(t, "numbers"), invalid, "i: at offset 11: "},
	} {
		_, err := Join(c.socket, []Plug{{Part: c.plug}}, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// A plug for several imports is one instance.
func TestPlugIsOneInstance(t *testing.T) {
	joined, err := Join(sample(t, "app"), plugs(t, []string{"test:kv/store=kv", "test:kv/types=kv"}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(joined, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	components, instances := 0, 0
	for _, def := range c.Definitions {
		switch def.(type) {
		case *binary.NestedComponent:
			components++
		case *binary.Instance:
			instances++
		}
	}
	if components != 2 || instances != 2 {
		t.Errorf("%d components and %d instances, want 2 and 2", components, instances)
	}
}

// Whatever the parts are, joining them gives a valid component or an error.
func FuzzJoin(f *testing.F) {
	files, err := filepath.Glob("testdata/*.wasm")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, b)
	}
	for _, socket := range all {
		for _, plug := range all {
			f.Add(socket, plug)
		}
	}
	f.Fuzz(func(t *testing.T, socket, plug []byte) {
		joined, err := Join(Part{"socket", socket}, []Plug{{Part: Part{"plug", plug}}}, Options{})
		if err == nil {
			world(t, joined)
		}
	})
}

// world returns what a component imports and exports, by names.
func world(t *testing.T, b []byte) string {
	t.Helper()
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	typ, err := types.Check(c, types.Features{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	side := func(word string, externs []types.Extern) {
		for _, e := range externs {
			line := word + " " + e.Name.Text
			if i, ok := e.Type.(*types.Instance); ok {
				var inner []string
				for _, x := range i.Exports {
					inner = append(inner, x.Name.Text)
				}
				line += fmt.Sprintf("{%s}", strings.Join(inner, " "))
			}
			lines = append(lines, line)
		}
	}
	side("import", typ.Imports)
	side("export", typ.Exports)
	return strings.Join(lines, "; ")
}

// validate has another implementation look at a component, if there is one.
func validate(t *testing.T, b []byte) {
	t.Helper()
	tool, err := exec.LookPath("wasm-tools")
	if err != nil {
		return
	}
	file := filepath.Join(t.TempDir(), "joined.wasm")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "validate", file).CombinedOutput(); err != nil {
		t.Errorf("wasm-tools: %v: %s", err, out)
	}
}
