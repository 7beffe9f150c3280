package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reactord/reactord/cmd/internal/manual"
	"github.com/reactord/reactord/cmd/internal/reference"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestReference(t *testing.T) {
	reference.Check(t, Command(), "../../../../docs/reference/reactorctl.md")
}

func TestManual(t *testing.T) { manual.Check(t, Command()) }

func TestFlagsShowTheirValues(t *testing.T) { reference.CheckValues(t, Command()) }

func TestHelpFits(t *testing.T) { reference.CheckWidth(t, Command()) }

// TestFlagsOfFieldsExist: where an error is about a field of a submission, submit has the flag that it is told by, or serve.
func TestFlagsOfFieldsExist(t *testing.T) {
	submit, _, err := Command().Find([]string{"submit"})
	if err != nil {
		t.Fatal(err)
	}
	serve, _, err := Command().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(prefix string, m protoreflect.MessageDescriptor)
	walk = func(prefix string, m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			path := prefix + string(f.Name())
			flag := failure.FlagOf(path, func(string) bool { return true })
			if name, ok := strings.CutPrefix(flag, "--"); ok && submit.Flags().Lookup(name) == nil && serve.Flags().Lookup(name) == nil {
				t.Errorf("%s is told by %s, which neither submit nor serve has", path, flag)
			}
			if f.Message() != nil && f.Message().ParentFile() == m.ParentFile() {
				walk(path+".", f.Message())
			}
		}
	}
	walk("", (&reactorv1.SubmitWorkloadRequest{}).ProtoReflect().Descriptor())
}
