package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
)

const bindgenVariable = "REACTORD_WIT_BINDGEN_TESTS"

// TestBindings runs the runtime tests of wit-bindgen: each is a component composed of one that calls and one or more that
// are called, in Rust and C, and exports run, which returns if everything came over as it should.
func TestBindings(t *testing.T) {
	folder := os.Getenv(bindgenVariable)
	if folder == "" {
		t.Skipf("%s is not set: it names a folder that bindings.sh made", bindgenVariable)
	}
	var all []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasPrefix(entry.Name(), "composed-") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("there are no composed components below %s", folder)
	}
	config := versions.Config(files.NewAppends())
	config.Features = everything
	node := newNode(t, config)
	for _, path := range all {
		name, err := filepath.Rel(folder, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) { node.runBindings(t, path) })
	}
}

func (n *node) runBindings(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.load(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	var stderr output
	g, err := n.newGuest(p, &abi.Config{Stdin: hostcalls.NewPipe(0).Reader(), Stdout: &stderr, Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	if err = g.start(); err == nil {
		_, err = g.call("run", nil)
	}
	fault := g.close()
	if err != nil || fault != nil {
		t.Errorf("%v, %v\n%s", err, fault, stderr.String())
	}
}
