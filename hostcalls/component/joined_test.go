package component

import (
	"os"
	"reflect"
	"testing"

	"github.com/reactord/reactord/component/compose"
	"github.com/reactord/reactord/component/value"
)

// A component that was joined of others runs as they would run together.
func TestJoined(t *testing.T) {
	const parts, samples = "../../component/compose/testdata/", "../../integration/testdata/components/"
	n := newNode(t, Config{})
	for _, tt := range []struct {
		name, socket string
		plugs        []string
		export       string
		args, want   []value.Value
	}{
		{"a function", parts + "numbers", []string{parts + "id"}, "twice", u32s(21), u32s(42)},
		{"plugs around each other", parts + "numbers", []string{parts + "middleware", parts + "id"}, "twice", u32s(20), u32s(42)},
		{"a record of the root", parts + "roots", []string{parts + "id"}, "f", []value.Value{{Items: u32s(7, 8)}}, u32s(7)},
		{"resources", samples + "user", []string{samples + "provider"}, "leak", u32s(3), u32s(3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var plugs []compose.Plug
			for _, p := range tt.plugs {
				plugs = append(plugs, compose.Plug{Part: part(t, p)})
			}
			joined, err := compose.Join(part(t, tt.socket), plugs, compose.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p, err := n.abi.Load(t.Context(), n.engine, sourceOf(joined))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Release()
			n.inStore(p.(*Program), func(s *Store) {
				if got, err := s.CallExport(tt.export, tt.args); err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s = %v, %v, want %v", tt.export, got, err, tt.want)
				}
			})
		})
	}
}

// part reads a component that is to be joined.
func part(t testing.TB, path string) compose.Part {
	t.Helper()
	b, err := os.ReadFile(path + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return compose.Part{Name: path, Binary: b}
}
