package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// api returns a file with an empty message, an enum of reasons, and a service with one call that has this comment.
func api(t *testing.T, call, comment string) []*protogen.File {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("a/v1/a.proto"), Package: proto.String("a.v1"), Syntax: proto.String("proto3"),
		Options:     &descriptorpb.FileOptions{GoPackage: proto.String("example.org/a;a")},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Nothing")}},
		EnumType: []*descriptorpb.EnumDescriptorProto{{
			Name: proto.String(reasons),
			Value: []*descriptorpb.EnumValueDescriptorProto{
				{Name: proto.String("ERROR_REASON_UNSPECIFIED"), Number: proto.Int32(0)},
				{Name: proto.String("ERROR_REASON_FULL"), Number: proto.Int32(1)},
			},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Doer"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String(call), InputType: proto.String(".a.v1.Nothing"), OutputType: proto.String(".a.v1.Nothing"),
				ServerStreaming: proto.Bool(true),
			}},
		}},
		SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
			{Path: []int32{6, 0, 2, 0}, Span: []int32{1, 1, 1}, LeadingComments: proto.String(comment)},
		}},
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()}, ProtoFile: []*descriptorpb.FileDescriptorProto{file},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plugin.Files
}

func TestRender(t *testing.T) {
	text, err := render(api(t, "Do", " Do does it all.\n\n Errors: FULL.\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [Do](#do) | does it all. |\n",
		"\n### Do\n\nDo does it all.\n\n- **Request**: [Nothing](#nothing)\n- **Response**: stream of [Nothing](#nothing)\n- **Errors**: `FULL`, [",
		"\n## Types of a.proto\n",
		"\n### Nothing\n",
		"| `ERROR_REASON_FULL` | 1 |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestRenderFails(t *testing.T) {
	for _, tc := range []struct{ name, call, comment, want string }{
		{"no errors", "Do", " Do does it.\n", "does not list"},
		{"an unknown reason", "Do", " Do does it.\n\n Errors: FULL, EMPTY.\n", `no reason "EMPTY"`},
		{"a heading twice", "Nothing", " Errors: none.\n", `heading "Nothing" already`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := render(api(t, tc.call, tc.comment)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
