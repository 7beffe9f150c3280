package render

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestSelection(t *testing.T) {
	list := &reactorv1.ListWorkloadsResponse{Workloads: []*reactorv1.Workload{
		{Id: "a", Spec: &reactorv1.WorkloadSpec{Labels: map[string]string{"app": "web"}}, Status: &reactorv1.WorkloadStatus{Attempts: 1}},
		{Id: "b\x1b[31m", Status: &reactorv1.WorkloadStatus{Attempts: 2}},
	}}
	for _, tt := range []struct {
		format  string
		message proto.Message
		want    string
	}{
		{"name", list, "a\nb\\u001b[31m\n"},
		{"name", &reactorv1.ListWorkloadsResponse{}, ""},
		{"name", list.GetWorkloads()[0], "a\n"},
		{"name", &reactorv1.WatchWorkloadsResponse{Cursor: "1", Workload: list.GetWorkloads()[0]}, "a\n"},
		{"name", &reactorv1.ListModulesResponse{Modules: []*reactorv1.Module{{Digest: "sha256:1"}}}, "sha256:1\n"},
		{"name", &reactorv1.ListOpsResponse{Ops: []*reactorv1.Op{{WorkloadId: "a"}}}, "a\n"},
		{"name", &reactorv1.Node{Version: "1"}, ""},
		{"jsonpath=$.workloads[*].status.attempts", list, "1\n2\n"},
		{"jsonpath={.workloads[0].id}", list, "a\n"},
		{"jsonpath=.workloads[?@.status.attempts > 1].id", list, "b\\u001b[31m\n"},
		{"jsonpath=$.workloads[0].spec.labels", list, `{"app":"web"}` + "\n"},
		{"jsonpath=$.nothing", list, ""},
	} {
		var f Format
		if err := f.Set(tt.format); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := f.Message(&b, tt.message); b.String() != tt.want || err != nil || f.IsTable() || f.IsDocument() {
			t.Errorf("%s: %q, %v; want %q", tt.format, b.String(), err, tt.want)
		}
	}
	for _, name := range []string{"xml", "jsonpath", "jsonpath=", "jsonpath={range .workloads[*]}", "jsonpath=$[", ""} {
		if err := new(Format).Set(name); err == nil && name != "jsonpath=" {
			t.Errorf("%q is taken", name)
		}
	}
}
