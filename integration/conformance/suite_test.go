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
)

// program is one test program of the suite, and what is expected of it.
type program struct {
	suite string // the language it is written in
	name  string
	wasm  string // path of the binary
	spec  spec
	stdin string // what is written to its standard input, which then ends; empty: nothing ever is

	network bool     // it has the machine's
	says    []saying // between a client and the program, which prints its address; empty: there is no client
}

// spec is a specification beside a program (doc/specification.md of the suite, "legacy
// configuration", the only one that preview 1 programs have). The zero value is the default.
type spec struct {
	Args     []string          `json:"args"`
	Root     string            `json:"root"` // a folder beside the program, granted as /
	Env      map[string]string `json:"env"`
	ExitCode uint32            `json:"exit_code"`
	Stdout   *string           `json:"stdout"`
	Stderr   *string           `json:"stderr"`
}

// programs finds the preview 1 programs in a copy of the suite.
func programs(suite string) ([]program, error) {
	found, err := filepath.Glob(filepath.Join(suite, "tests", "*", "testsuite", "wasm32-wasip1", "*.wasm"))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no programs under %s/tests/*/testsuite/wasm32-wasip1: does it hold the built ones?", suite)
	}
	slices.Sort(found)
	all := make([]program, len(found))
	for i, wasm := range found {
		p := program{
			suite: filepath.Base(filepath.Join(wasm, "..", "..", "..")),
			name:  strings.TrimSuffix(filepath.Base(wasm), ".wasm"),
			wasm:  wasm,
		}
		if p.spec, err = readSpec(strings.TrimSuffix(wasm, ".wasm") + ".json"); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", p.suite, p.name, err)
		}
		all[i] = p
	}
	return all, nil
}

func readSpec(path string) (spec, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return spec{}, nil
	}
	if err != nil {
		return spec{}, err
	}
	var s spec
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // a form of specification that this does not know
	return s, d.Decode(&s)
}

// environ returns the environment as a process has it.
func (s spec) environ() []string {
	env := make([]string, 0, len(s.Env))
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// outcome is how a run of a program ended.
type outcome struct {
	exitCode       uint32
	err            error // it did not end by itself
	stdout, stderr string
}

// faults returns what is not as specified.
func (s spec) faults(o outcome) []string {
	if o.err != nil {
		return []string{o.err.Error() + "; stderr: " + o.stderr}
	}
	var faults []string
	if o.exitCode != s.ExitCode {
		faults = append(faults, fmt.Sprintf("exit code %d, want %d; stderr: %s", o.exitCode, s.ExitCode, o.stderr))
	}
	if s.Stdout != nil && o.stdout != *s.Stdout {
		faults = append(faults, fmt.Sprintf("stdout %q, want %q", o.stdout, *s.Stdout))
	}
	if s.Stderr != nil && o.stderr != *s.Stderr {
		faults = append(faults, fmt.Sprintf("stderr %q, want %q", o.stderr, *s.Stderr))
	}
	return faults
}
