// Package render prints the API's messages: as tables for people, and as JSON or YAML for
// programs. It is pure but for the writers it is given. All text in what it prints is printable,
// whoever chose it (see package printable).
package render

import (
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// Format is how a command prints; it is a pflag.Value. The zero value is a table.
type Format struct{ name string }

// Set takes table, wide, json or yaml.
func (f *Format) Set(name string) error {
	switch name {
	case "table", "wide", "json", "yaml":
		f.name = name
		return nil
	}
	return fmt.Errorf("give table, wide, json or yaml")
}

// String is the name of the format.
func (f *Format) String() string {
	if f.name == "" {
		return "table"
	}
	return f.name
}

// Type is what the help calls the flag's value.
func (f *Format) Type() string { return "format" }

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
	// protojson varies its white space on purpose; a program's output should not.
	var value json.RawMessage = text
	if f.name == "yaml" {
		// YAML has escapes in quotes only, takes some characters in no other way, and this encoder
		// writes some without that a terminal must not see. A message that has such stays JSON, which
		// is YAML too.
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
