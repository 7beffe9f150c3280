package reactor

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/reactor/api"
)

// The busiest are the workloads that run, those that compute before those that wait, and what a filter selects of them.
func TestListBusiest(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "sleep", "spin")
	run(t, r, "ended", api.Spec{Module: "hello"})
	submit(t, r, "a-sleeper", api.Spec{Module: "sleep", Labels: map[string]string{"app": "x"}})
	submit(t, r, "b-spinner", api.Spec{Module: "spin", Labels: map[string]string{"app": "x"}})
	submit(t, r, "c-spinner", api.Spec{Module: "spin"})
	awaitStats(t, r, "all have started", func(s api.Stats) bool { return s.Running == 2 && s.Waiting == 1 })

	busiest := func(f api.Filter, size int) (ids []string, shares []float64) {
		t.Helper()
		list, err := r.ListWorkloads(deadline(t), f, api.Page{Size: size, BusiestFirst: true})
		if err != nil || list.Next != "" || list.Cursor == "" {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, w := range list.Workloads {
			ids, shares = append(ids, w.ID), append(shares, w.Status.CPUShare)
		}
		return ids, shares
	}
	await(t, "both spinners are busy and the sleeper is not", func() bool {
		ids, shares := busiest(api.Filter{}, 0)
		return len(ids) == 3 && ids[2] == "a-sleeper" && shares[1] > 0.01 && shares[0] >= shares[1] && shares[2] < shares[1]
	})
	for _, tt := range []struct {
		name   string
		filter api.Filter
		want   []string
	}{
		{"by a label", api.Filter{LabelSelector: "app=x"}, []string{"a-sleeper", "b-spinner"}},
		{"that wait", api.Filter{States: []api.State{api.Waiting}}, []string{"a-sleeper"}},
		{"by a label and state", api.Filter{LabelSelector: "app=x", States: []api.State{api.Running}}, []string{"b-spinner"}},
		{"that have ended", api.Filter{States: []api.State{api.Succeeded}}, nil},
	} {
		if got, _ := busiest(tt.filter, 0); !slices.Equal(slices.Sorted(slices.Values(got)), tt.want) {
			t.Errorf("those %s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got, _ := busiest(api.Filter{}, 2); len(got) != 2 || slices.Contains(got, "a-sleeper") {
		t.Errorf("the busiest two: %q", got)
	}
	if _, err := r.ListWorkloads(deadline(t), api.Filter{}, api.Page{BusiestFirst: true, Token: "x"}); err == nil {
		t.Error("a second page was listed")
	}
}
