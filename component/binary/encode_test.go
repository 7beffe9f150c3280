package binary

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkRoundTrip checks that a decoded component is encoded to one that decodes to the same.
func checkRoundTrip(t *testing.T, c *Component) {
	t.Helper()
	encoded := Encode(c)
	again, err := Decode(encoded, Limits{})
	if err != nil {
		t.Fatalf("what was encoded is refused: %v", err)
	}
	if got, want := dump(again), dump(c); got != want {
		t.Fatalf("the round trip gives\n%s\nwant\n%s", got, want)
	}
	if !bytes.Equal(Encode(again), encoded) {
		t.Fatal("the second encoding differs from the first")
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range productions {
		f.Add([]byte(preamble + c.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if c, err := Decode(in, Limits{}); err == nil {
			checkRoundTrip(t, c)
		}
	})
}

// componentsVariable names a folder of components, such as the one that the suites of integration/conformance are in.
const componentsVariable = "REACTORD_COMPONENT_TESTSUITES"

// Components of other tools survive the round trip, when a folder with some is given.
func TestComponentsOfOthers(t *testing.T) {
	root := os.Getenv(componentsVariable)
	if root == "" {
		t.Skip(componentsVariable + " names no folder")
	}
	count := 0
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".wasm") {
			return err
		}
		in, err := os.ReadFile(path)
		if err != nil || !IsComponent(in) {
			return err
		}
		count++
		if c, err := Decode(in, Limits{}); err == nil {
			checkRoundTrip(t, c)
		} else {
			t.Logf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || count == 0 {
		t.Errorf("%d components: %v", count, err)
	}
}
