package cli

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// hostile is text that a guest or a submitter may have chosen.
const hostile = "\x1b]0;owned\x07\x1b[31m\r\b\x7f\u009b31m\u0085\u202egnp.exe\u2066\u200b\u2028\U000e0041\nID  fake\tcell"

// fill sets all strings of a message to hostile text, and repeats its parts.
func fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if depth == 0 || f.Name() == "next_page_token" || f.Name() == "offset" || f.Name() == "draining" {
			continue
		}
		value := func() (v protoreflect.Value, ok bool) {
			switch f.Kind() {
			case protoreflect.StringKind:
				return protoreflect.ValueOfString(hostile), true
			case protoreflect.MessageKind:
				if f.IsMap() || f.Message().FullName().Parent() == "google.protobuf" {
					return v, false
				}
				part := m.NewField(f)
				if f.IsList() {
					part = part.List().NewElement()
				}
				fill(part.Message(), depth-1)
				return part, true
			}
			return v, false
		}
		switch {
		case f.IsMap() && f.MapValue().Kind() == protoreflect.StringKind:
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(hostile).MapKey(), protoreflect.ValueOfString(hostile))
		case f.IsList():
			if v, ok := value(); ok {
				m.Mutable(f).List().Append(v)
			}
		default:
			if v, ok := value(); ok {
				m.Set(f, v)
			}
		}
	}
}

// startHostile serves every method of the API: with failure, or with one answer full of hostile text.
func startHostile(t *testing.T, failure error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if failure != nil {
			return failure
		}
		full, _ := grpc.MethodFromServerStream(stream)
		name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(full, "/"), "/", "."))
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return err
		}
		answer := dynamicpb.NewMessage(found.(protoreflect.MethodDescriptor).Output())
		fill(answer, 6)
		return stream.SendMsg(answer)
	}))
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("REACTORD_ADDR", listener.Addr().String())
	t.Setenv("REACTORCTL_CONFIG", filepath.Join(t.TempDir(), "ctl.yaml"))
}

func hostileCommands(t *testing.T) [][]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(file, []byte("\x00asm"), 0o600); err != nil {
		t.Fatal(err)
	}
	return [][]string{
		{"status"}, {"status", "w"}, {"list"}, {"list", "--watch"}, {"ops"}, {"ops", "w"}, {"wait", "w"}, {"wait", "w", "v"},
		{"cancel", "w"}, {"logs", "w"}, {"submit", "tag"}, {"submit", "--wait", "tag"}, {"submit", "--count=2", "tag"}, {"run", "tag"},
		{"run", "-i", "tag"}, {"module", "list"}, {"module", "inspect", "m"}, {"module", "tag", "m", "t"}, {"module", "rm", "m"},
		{"module", "push", file}, {"module", "untag", "t"}, {"module", "prune"}, {"node"}, {"drain"}, {"version"}, {"grants", "w"}, {"rm", "w"}, {"call", "m", "f()"},
		{"submit", "--call", "f()", "tag"}, {"module", "pull", "m", "-f", filepath.Join(t.TempDir(), "out.wasm")}, {"module", "compose", file, "--plug", "m"},
	}
}

func isFit(r rune) bool { return r == '\n' || r == '\t' || unicode.IsGraphic(r) }

// Nothing that the daemon tells, whoever chose it, reaches the terminal as anything but text, in no
// format and by no command; a cell of a table is a part of a line.
func TestHostileText(t *testing.T) {
	startHostile(t, nil)
	for _, args := range hostileCommands(t) {
		for _, format := range []string{"table", "wide", "json", "yaml", "name", "jsonpath=$..*"} {
			_, out, errs := ctl(t, "", append([]string{"-o", format}, args...)...)
			for _, text := range []string{out, errs} {
				if i := strings.IndexFunc(text, func(r rune) bool { return !isFit(r) }); i >= 0 {
					t.Errorf("%q -o %s prints %q", args, format, text[i:min(len(text), i+40)])
				}
			}
			if strings.HasPrefix(args[0], "list") && format == "table" && strings.Contains(out, "\nID  fake") {
				t.Errorf("%q: a name made a line of its own:\n%s", args, out)
			}
		}
	}
}

// The formats for programs lose nothing by that.
func TestHostileTextIsKept(t *testing.T) {
	startHostile(t, nil)
	for format, decode := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	} {
		_, out, _ := ctl(t, "", "status", "w", "-o", format)
		var w struct{ ID, Name string }
		var spec struct{ Spec struct{ Name string } }
		if err := decode([]byte(out), &w); err != nil || w.ID != hostile {
			t.Errorf("%s: the id is %q, %v", format, w.ID, err)
		}
		if err := decode([]byte(out), &spec); err != nil || spec.Spec.Name != hostile {
			t.Errorf("%s: the name is %q, %v", format, spec.Spec.Name, err)
		}
	}
}

func TestHostileErrors(t *testing.T) {
	st, err := status.New(codes.InvalidArgument, hostile).WithDetails(
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: hostile + "x", Description: hostile + "y"}}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Subject: hostile + "z", Description: hostile + "u"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range []error{st.Err(), status.Error(codes.Unavailable, hostile), status.Error(codes.Unimplemented, hostile), status.Error(codes.NotFound, hostile)} {
		startHostile(t, failure)
		for _, args := range hostileCommands(t) {
			_, out, errs := ctl(t, "", args...)
			if i := strings.IndexFunc(out+errs, func(r rune) bool { return !isFit(r) }); i >= 0 || !strings.Contains(errs, printable.Text("\x1b]0;owned")) {
				t.Errorf("%q prints %q, %q", args, out, errs)
			}
		}
	}
}
