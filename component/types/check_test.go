package types

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

var update = flag.Bool("update", false, "make testdata/check.json of testdata/check.wast, with wasm-tools")

// everything is all features.
var everything = Features{
	MoreAsyncBuiltins: true, StackfulLift: true, Threads: true, ErrorContext: true, FixedLengthLists: true, CanonicalNames: true,
}

// assertion is a component of testdata/check.wast, and what is said about it there.
type assertion struct {
	Line    int
	Invalid string `json:",omitempty"` // a part of the error's text; empty: the component is valid
	Binary  []byte
}

// TestCheck checks the components of testdata/check.wast. testdata/check.json has their binaries:
// `go test -run '^TestCheck$' -update` makes it, with wasm-tools 1.263.0.
func TestCheck(t *testing.T) {
	if *update {
		convert(t)
	}
	for _, a := range assertions(t) {
		_, err := check(a.Binary, everything)
		switch {
		case a.Invalid == "" && err != nil:
			t.Errorf("line %d: %v", a.Line, err)
		case a.Invalid != "" && (err == nil || !strings.Contains(err.Error(), a.Invalid)):
			t.Errorf("line %d: error is %v, want %q in it", a.Line, err, a.Invalid)
		}
	}
}

func check(b []byte, features Features) (*Component, error) {
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		return nil, err
	}
	return Check(c, features)
}

func assertions(t testing.TB) []assertion {
	t.Helper()
	text, err := os.ReadFile("testdata/check.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []assertion
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// convert makes check.json.
func convert(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "check.json")
	if out, err := exec.Command("wasm-tools", "json-from-wast", "testdata/check.wast", "--wasm-dir", dir, "-o", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var converted struct {
		Commands []struct {
			Line       int
			Type, Text string
			Filename   string
		}
	}
	if err := json.Unmarshal(text, &converted); err != nil {
		t.Fatal(err)
	}
	var list []assertion
	for _, c := range converted.Commands {
		b, err := os.ReadFile(filepath.Join(dir, c.Filename))
		if err != nil {
			t.Fatal(err)
		}
		if invalid := c.Type == "assert_invalid"; invalid != (c.Text != "") {
			t.Fatalf("line %d: %s without a text", c.Line, c.Type)
		}
		list = append(list, assertion{c.Line, c.Text, b})
	}
	text, err = json.MarshalIndent(list, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/check.json", append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
