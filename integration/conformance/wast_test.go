package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// script is a test script (.wast) as `wasm-tools json-from-wast` converts it.
type script struct {
	name     string // path below the suites, without .json
	dir      string // folder of its binaries
	Commands []command
}

// command is one command of a script. Which fields it has depends on its type.
type command struct {
	Type     string
	Line     int
	Name     string // of what module and module_definition define, or empty
	Module   string // module_instance: the definition, or empty: the last one
	Instance string // module_instance: the name it gets, or empty
	As       string // register
	Text     string // the fault that is expected, in the words of the reference implementation
	Action   *action
	Expected []constant

	Filename       string
	ModuleType     string `json:"module_type"` // binary, or text
	BinaryFilename string `json:"binary_filename"`
}

// action calls an export of an instance.
type action struct {
	Type   string
	Module string // the instance, or empty: the last one
	Field  string
	Args   []constant
}

// constant is a value as a script has it. The form of Value depends on the type.
type constant struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// scripts finds the converted scripts below a folder.
func scripts(suites string) ([]script, error) {
	var all []script
	err := filepath.WalkDir(suites, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		s, err := readScript(suites, path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, s)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no converted scripts below %s: did convert.sh make it?", suites)
	}
	return all, err
}

func readScript(suites, path string) (script, error) {
	name, err := filepath.Rel(suites, strings.TrimSuffix(path, ".json"))
	if err != nil {
		return script{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return script{}, err
	}
	s := script{name: filepath.ToSlash(name), dir: filepath.Dir(path)}
	return s, json.Unmarshal(text, &s)
}

// errText is that a command has a text, and no binary that means the same: it tests readers of the text format.
var errText = errors.New("text format")

// binary returns the core module or component that a command is about.
func (s script) binary(c command) ([]byte, error) {
	name := c.BinaryFilename
	if name == "" && c.ModuleType == "binary" {
		name = c.Filename
	}
	if name == "" {
		return nil, errText
	}
	return os.ReadFile(filepath.Join(s.dir, name))
}
