package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
)

const wasip3Variable = "REACTORD_WASI_TESTSUITE_P3"

// TestWASIP3 runs the programs of the suite for WASI 0.3, all but those that answer HTTP requests.
func TestWASIP3(t *testing.T) {
	forWASIP3(t, func(h *host, p program, spec *wasip3Spec) string {
		if spec.serves() {
			return ""
		}
		if err := spec.apply(&p); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		return h.check(t, p, p.name, "")
	})
}

// forWASIP3 calls run with each program of the suite, and makes a table of what it returns.
func forWASIP3(t *testing.T, run func(h *host, p program, spec *wasip3Spec) string) {
	t.Helper()
	suite := os.Getenv(wasip3Variable)
	if suite == "" {
		t.Skipf("%s is not set: it names the folder wasm32-wasip3 of a copy of github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base", wasip3Variable)
	}
	a, err := component.New(versions.Config(files.NewAppends()))
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(suite, "*.wasm"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no programs in %s: %v", suite, err)
	}
	slices.Sort(found)
	h := newHost(t, a)
	rows := "| program | result |\n|---|---|\n"
	for _, wasm := range found {
		p := program{suite: "wasip3", name: strings.TrimSuffix(filepath.Base(wasm), ".wasm"), wasm: wasm, network: true}
		var spec wasip3Spec
		if err := spec.read(strings.TrimSuffix(wasm, ".wasm") + ".json"); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		if got := run(h, p, &spec); got != "" {
			rows += fmt.Sprintf("| %s | %s |\n", p.name, got)
		}
	}
	if *table != "" {
		if err := os.WriteFile(*table, []byte(rows), 0o666); err != nil {
			t.Error(err)
		}
	}
}

// wasip3Spec is a specification beside a program of WASI 0.3: what is done with it, one after the other.
type wasip3Spec struct {
	Root       string
	World      string
	Proposals  []string
	Servers    []httpServer
	Operations []struct {
		httpRequest
		Signal       string
		Type         string
		Args         []string
		Env          map[string]string
		ID           string
		Payload      string
		ProtocolType string `json:"protocol_type"`
		ExitCode     uint32 `json:"exit_code"`
	}
}

func (s *wasip3Spec) read(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(s)
}

// apply converts it. What the program reads is there from the beginning.
func (s *wasip3Spec) apply(p *program) error {
	p.spec.Root = s.Root
	expected := map[string]string{}
	for _, o := range s.Operations {
		switch o.Type {
		case "run":
			p.spec.Args, p.spec.Env = o.Args, o.Env
		case "write":
			p.stdin += o.Payload
		case "read":
			expected[o.ID] += o.Payload
		case "wait":
			p.spec.ExitCode = o.ExitCode
		case "connect":
		case "send", "recv":
			p.says = append(p.says, saying{o.Type == "send", o.Payload})
		default:
			return fmt.Errorf("an operation %q is not known", o.Type)
		}
	}
	if text, ok := expected["stdout"]; ok {
		p.spec.Stdout = &text
	}
	if text, ok := expected["stderr"]; ok {
		p.spec.Stderr = &text
	}
	return nil
}
