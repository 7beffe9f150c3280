package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// listIDs returns the ids of all pages of a list.
func listIDs(t *testing.T, c testkit.Client, req *reactorv1.ListWorkloadsRequest) (ids []string) {
	t.Helper()
	for {
		resp, err := c.Workloads.ListWorkloads(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range resp.GetWorkloads() {
			ids = append(ids, w.GetId())
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return ids
		}
	}
}

func TestListWorkloads(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	for i := range 3 {
		spec := &reactorv1.WorkloadSpec{Module: module, Args: []string{"hello"}, Stdin: []byte("input"), Labels: map[string]string{"n": fmt.Sprint(i)}}
		if _, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: fmt.Sprint("w", i), Spec: spec}); err != nil {
			t.Fatal(err)
		}
		d.WaitFor(t, fmt.Sprint("w", i))
	}
	const oldest = reactorv1.WorkloadOrder_WORKLOAD_ORDER_OLDEST_FIRST
	second, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "w1"})
	if err != nil {
		t.Fatal(err)
	}
	created, ended := second.GetWorkload().GetStatus().GetCreateTime(), second.GetWorkload().GetStatus().GetEndTime()
	for _, tt := range []struct {
		name   string
		filter *reactorv1.WorkloadFilter
		order  reactorv1.WorkloadOrder
		want   []string
	}{
		{"newest first", nil, 0, []string{"w2", "w1", "w0"}},
		{"oldest first", nil, oldest, []string{"w0", "w1", "w2"}},
		{"created after", &reactorv1.WorkloadFilter{CreatedAfter: created}, oldest, []string{"w1", "w2"}},
		{"created before", &reactorv1.WorkloadFilter{CreatedBefore: created}, oldest, []string{"w0"}},
		{"ended after", &reactorv1.WorkloadFilter{EndedAfter: ended}, oldest, []string{"w1", "w2"}},
		{"ended before", &reactorv1.WorkloadFilter{EndedBefore: ended}, oldest, []string{"w0"}},
		{"a set", &reactorv1.WorkloadFilter{LabelSelector: "n in (0,2)"}, oldest, []string{"w0", "w2"}},
	} {
		for _, size := range []int32{0, 1} {
			got := listIDs(t, d.Client, &reactorv1.ListWorkloadsRequest{Filter: tt.filter, Order: tt.order, PageSize: size})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
	t.Run("view", func(t *testing.T) { testListView(t, d) })
	t.Run("refused", func(t *testing.T) { testListRefused(t, d) })
}

func testListView(t *testing.T, d *testkit.Daemon) {
	for view, want := range map[reactorv1.WorkloadView]string{
		reactorv1.WorkloadView_WORKLOAD_VIEW_UNSPECIFIED: "",
		reactorv1.WorkloadView_WORKLOAD_VIEW_BASIC:       "",
		reactorv1.WorkloadView_WORKLOAD_VIEW_FULL:        "input",
	} {
		list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{View: view})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(list.GetWorkloads()[0].GetSpec().GetStdin()); got != want {
			t.Errorf("%v: a list has %q, want %q", view, got, want)
		}
		stream, err := d.Workloads.WatchWorkloads(t.Context(), &reactorv1.WatchWorkloadsRequest{Cursor: "0", View: view})
		if err != nil {
			t.Fatal(err)
		}
		for {
			change, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if w := change.GetWorkload(); w != nil {
				if got := string(w.GetSpec().GetStdin()); got != want {
					t.Errorf("%v: a watch has %q, want %q", view, got, want)
				}
				break
			}
		}
	}
	w, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "w0"})
	if got := string(w.GetWorkload().GetSpec().GetStdin()); err != nil || got != "input" {
		t.Errorf("GetWorkload has %q, %v", got, err)
	}
}

func testListRefused(t *testing.T, d *testkit.Daemon) {
	for _, req := range []*reactorv1.ListWorkloadsRequest{
		{View: 99},
		{Order: 99},
		{Order: -1},
		{Filter: &reactorv1.WorkloadFilter{CreatedAfter: &timestamppb.Timestamp{Nanos: -1}}},
		{Filter: &reactorv1.WorkloadFilter{EndedBefore: &timestamppb.Timestamp{Seconds: 1 << 62}}},
		{Filter: &reactorv1.WorkloadFilter{LabelSelector: "n in ()"}},
	} {
		if _, err := d.Workloads.ListWorkloads(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}

// A watch from a list's cursor has what came after the list.
func TestListThenWatch(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	spec := sleeper(t, d.Client, time.Millisecond)
	before := d.Submit(t, spec)
	d.WaitFor(t, before)
	list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil || len(list.GetWorkloads()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	after := d.Submit(t, spec)
	d.WaitFor(t, after)
	stream, err := d.Workloads.WatchWorkloads(t.Context(), &reactorv1.WatchWorkloadsRequest{Cursor: list.GetCursor()})
	if err != nil {
		t.Fatal(err)
	}
	for {
		change, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		switch w := change.GetWorkload(); w.GetId() {
		case before:
			t.Errorf("the watch repeats %v", w)
		case after:
			if w.GetStatus().GetState() != succeeded {
				t.Errorf("it was in the state %v after it had ended", w.GetStatus().GetState())
			}
			return
		}
	}
}
