package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/theory/jsonpath"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// Format is the output format of a command; it is a pflag.Value. The zero value is a table.
type Format struct {
	name string
	path *jsonpath.Path // for jsonpath
}

// FormatHelp says which formats there are.
const FormatHelp = "table, wide, json or yaml (protojson of the API's messages), name for ids and digests alone, or jsonpath=PATH"

// Set takes table, wide, json, yaml, name or jsonpath=PATH.
func (f *Format) Set(name string) error {
	switch name {
	case "table", "wide", "json", "yaml", "name":
		*f = Format{name: name}
		return nil
	}
	text, ok := strings.CutPrefix(name, "jsonpath=")
	if !ok {
		return fmt.Errorf("give table, wide, json, yaml, name or jsonpath=PATH")
	}
	path, err := parsePath(text)
	if err == nil {
		*f = Format{name: name, path: path}
	}
	return err
}

// String returns the name of the format.
func (f *Format) String() string {
	if f.name == "" {
		return "table"
	}
	return f.name
}

// Type is the name of the flag's value in the help.
func (f *Format) Type() string { return "FORMAT" }

// IsDocument reports whether all output, errors too, is JSON or YAML.
func (f *Format) IsDocument() bool { return f.name == "json" || f.name == "yaml" }

// IsTable reports whether output is for people.
func (f *Format) IsTable() bool { return f.name == "" || f.name == "table" || f.name == "wide" }

// IsWide reports whether a table has all its columns.
func (f *Format) IsWide() bool { return f.name == "wide" }

// Message prints one message as JSON or YAML. YAML documents are separated by "---".
func (f *Format) Message(w io.Writer, m proto.Message) error {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	// protojson varies its white space on purpose, and a program's output should not vary.
	return f.document(w, text)
}

// Line is Message for one of many: JSON is on one line.
func (f *Format) Line(w io.Writer, m proto.Message) error {
	if f.name != "json" {
		return f.Message(w, m)
	}
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", printable.Text(line.String()))
	return err
}

// Value prints a value that is no message of the API, such as a list of contexts, as JSON or YAML.
func (f *Format) Value(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.document(w, text)
}

// document prints a JSON text as JSON or YAML, or what the format selects of it.
func (f *Format) document(w io.Writer, value json.RawMessage) (err error) {
	if !f.IsDocument() {
		return f.selection(w, value)
	}
	var text []byte
	if f.name == "yaml" {
		// YAML has escapes only within quotes, and some characters need them; this encoder writes some
		// characters unescaped that a terminal must not see. A message that contains any stays JSON, which is
		// also YAML.
		if printable.IsText(string(value)) {
			if text, err = yaml.JSONToYAML(value); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w, "---\n%s", text)
			return err
		}
		_, err := fmt.Fprintf(w, "---\n%s\n", printable.TextOfYAML(string(value)))
		return err
	}
	if text, err = json.MarshalIndent(value, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", printable.Text(string(text)))
	return err
}
