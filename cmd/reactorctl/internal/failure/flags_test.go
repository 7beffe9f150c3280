package failure

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestEveryFieldHasItsFlag: whoever adds a field to what is submitted says here with which flag it is set, and no flag is
// of a field that is gone.
func TestEveryFieldHasItsFlag(t *testing.T) {
	fields := map[string]bool{}
	var walk func(prefix string, m protoreflect.MessageDescriptor)
	walk = func(prefix string, m protoreflect.MessageDescriptor) {
		list := m.Fields()
		for i := range list.Len() {
			f := list.Get(i)
			path := prefix + string(f.Name())
			fields[path] = true
			kind := f.ContainingOneof()
			if f.Message() != nil && !f.IsMap() && kind == nil && f.Message().ParentFile() == m.ParentFile() {
				walk(path+".", f.Message())
			}
		}
	}
	walk("", (&reactorv1.SubmitWorkloadRequest{}).ProtoReflect().Descriptor())
	for path := range fields {
		if _, ok := flags[path]; !ok {
			t.Errorf("%s has no row in flags", path)
		}
	}
	for path := range flags {
		if len(path) > 5 && path[:5] == "spec." && !fields[path] {
			t.Errorf("there is no field %s", path)
		}
	}
}

func TestFlagOf(t *testing.T) {
	all := func(string) bool { return true }
	for path, want := range map[string]string{
		"spec.limits.memory_bytes":             "--memory",
		"spec.module":                          "MODULE",
		"spec.args[3]":                         "argument 4",
		"spec.args":                            "the arguments",
		"spec.call":                            "MODULE",
		"spec.call.export":                     "--call",
		"spec.call.args":                       "--call",
		"spec.call.args[1].points[3].x":        "args[1].points[3].x",
		`spec.labels["a b"]`:                   `--label "a b"`,
		`spec.env["x]y"]`:                      `--env "x]y"`,
		"spec.grants[1]":                       "grant 2",
		"spec.grants":                          "the grants",
		"spec.grants[0].directory.host_path":   "--dir",
		"spec.grants[0].listener.address":      "--listen",
		"spec.grants[0].connection.address":    "--connect",
		"filter.label_selector":                "--label",
		"header.size_bytes":                    "",
		"spec.something.new":                   "",
		"spec.env[":                            "--env",
		"spec.grants[0].directory.new_field[1": "--dir",
	} {
		if got := FlagOf(path, all); got != want {
			t.Errorf("FlagOf(%q) = %q, want %q", path, got, want)
		}
		if got := FlagOf(path, none); len(got) > 2 && got[:2] == "--" {
			t.Errorf("FlagOf(%q) = %q for a command without flags", path, got)
		}
	}
}
