package reactor

import (
	"fmt"
	"slices"
	"testing"

	"github.com/reactord/reactord/reactor/api"
)

// listed returns the ids of all pages of a list.
func listed(t *testing.T, r *Reactor, f api.Filter, page api.Page) (ids []string) {
	t.Helper()
	for {
		list, err := r.ListWorkloads(deadline(t), f, page)
		if err != nil {
			t.Fatal(err)
		}
		if page.Size > 0 && len(list.Workloads) > page.Size {
			t.Errorf("a page of %d has %d workloads", page.Size, len(list.Workloads))
		}
		for _, w := range list.Workloads {
			ids = append(ids, w.ID)
		}
		if page.Token = list.Next; page.Token == "" {
			return ids
		}
	}
}

func TestListOrderAndTimes(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "sleep")
	var all []*api.Workload
	for i := range 5 {
		all = append(all, run(t, r, fmt.Sprint("w", i), api.Spec{Module: "hello", Labels: map[string]string{"n": fmt.Sprint(i)}}))
	}
	submit(t, r, "w5", api.Spec{Module: "sleep"})
	created, ended := all[2].Status.CreateTime, all[3].Status.EndTime
	for _, tt := range []struct {
		name   string
		filter api.Filter
		want   []string
	}{
		{"all", api.Filter{}, []string{"w0", "w1", "w2", "w3", "w4", "w5"}},
		{"created after", api.Filter{Created: api.Period{Start: created}}, []string{"w2", "w3", "w4", "w5"}},
		{"created before", api.Filter{Created: api.Period{End: created}}, []string{"w0", "w1"}},
		{"ended after", api.Filter{Ended: api.Period{Start: ended}}, []string{"w3", "w4"}},
		{"ended before", api.Filter{Ended: api.Period{End: ended}}, []string{"w0", "w1", "w2"}},
		{"ended, waiting", api.Filter{Ended: api.Period{End: ended}, States: []api.State{api.Waiting}}, nil},
		{"a set", api.Filter{LabelSelector: "n in (1, 3, 9)"}, []string{"w1", "w3"}},
		{"not of a set", api.Filter{LabelSelector: "n notin (1, 3, 9), n"}, []string{"w0", "w2", "w4"}},
	} {
		for _, size := range []int{1, 2, 100} {
			if got := listed(t, r, tt.filter, api.Page{Size: size, OldestFirst: true}); !slices.Equal(got, tt.want) {
				t.Errorf("%s by %d, oldest first: %q, want %q", tt.name, size, got, tt.want)
			}
			got := listed(t, r, tt.filter, api.Page{Size: size})
			slices.Reverse(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s by %d, newest first, turned round: %q, want %q", tt.name, size, got, tt.want)
			}
		}
	}
}

// A page is filled although the store finds workloads that are in another state by now.
func TestListFillsPages(t *testing.T) {
	r := open(t)
	push(t, r, "spin", "sleep")
	submit(t, r, "first", api.Spec{Module: "sleep"})
	awaitState(t, r, "first", api.Running)
	awaitWaiting(t, r, "first")
	for i := range 6 {
		submit(t, r, fmt.Sprint("spinner", i), api.Spec{Module: "spin"})
	}
	awaitStats(t, r, "all have started", func(s api.Stats) bool { return s.Running == 6 && s.Waiting == 1 })
	list, err := r.ListWorkloads(deadline(t), api.Filter{States: []api.State{api.Waiting}}, api.Page{Size: 1})
	if err != nil || len(list.Workloads) != 1 || list.Workloads[0].ID != "first" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A watch from the cursor of a list has every change that the list does not have.
func TestWatchFromList(t *testing.T) {
	r := open(t)
	push(t, r, "hello")
	run(t, r, "before", api.Spec{Module: "hello"})
	list, err := r.ListWorkloads(deadline(t), api.Filter{}, api.Page{})
	if err != nil || len(list.Workloads) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	run(t, r, "after", api.Spec{Module: "hello"})
	follow(t, r, api.Filter{}, list.Cursor, func(e api.WatchEvent) bool {
		if e.Workload != nil && e.Workload.ID == "before" {
			t.Errorf("the watch repeats %+v", e)
		}
		return e.Workload != nil && e.Workload.ID == "after" && e.Workload.Status.State == api.Succeeded
	})
	if empty, err := r.ListWorkloads(deadline(t), api.Filter{LabelSelector: "none"}, api.Page{}); err != nil || number(t, empty.Cursor) <= number(t, list.Cursor) {
		t.Errorf("cursor %q after %q, %v", empty.Cursor, list.Cursor, err)
	}
}
