package observe

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/store"
)

// scripted has workloads w0, w1 and so on, each with so many operations.
func scripted(counts []int) selection {
	return selection{
		list: func(query store.Query) (page store.Page, err error) {
			from := 0
			if query.Token != "" {
				if from, err = strconv.Atoi(query.Token); err != nil {
					return page, store.ErrBadToken
				}
			}
			end := min(from+query.Limit, len(counts))
			for i := from; i < end; i++ {
				page.Workloads = append(page.Workloads, &store.Workload{ID: fmt.Sprintf("w%d", i)})
			}
			if end < len(counts) {
				page.Next = strconv.Itoa(end)
			}
			return page, nil
		},
		opsOf: func(id string) (ops []api.Op) {
			n, _ := strconv.Atoi(id[1:])
			for i := range counts[n] {
				ops = append(ops, api.Op{WorkloadID: id, Target: strconv.Itoa(i)})
			}
			return ops
		},
	}
}

func TestSelectionPages(t *testing.T) {
	for _, counts := range [][]int{{}, {0}, {1, 1, 1, 1}, {3, 0, 0, 7, 1}, {0, 12}, {5, 5, 5}, {1, 0, 9, 0}} {
		var want []string
		for w, n := range counts {
			for i := range n {
				want = append(want, fmt.Sprintf("w%d/%d", w, i))
			}
		}
		for size := 1; size <= 13; size++ {
			var got []string
			pages := 0
			for token, more := "", true; more; more = token != "" {
				ops, next, err := scripted(counts).page(token, size)
				if pages++; err != nil || len(ops) > size || pages > 50 {
					t.Fatalf("%v by %d: page %d has %d, %v", counts, size, pages, len(ops), err)
				}
				for _, op := range ops {
					got = append(got, op.WorkloadID+"/"+op.Target)
				}
				token = next
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v by %d (-want +got):\n%s", counts, size, diff)
			}
		}
	}
}

// A workload that has ended between two pages takes nothing from the next one.
func TestSelectionAfterEnd(t *testing.T) {
	counts := []int{9, 3}
	_, next, err := scripted(counts).page("", 2)
	if err != nil {
		t.Fatal(err)
	}
	s := scripted(counts)
	list := s.list
	s.list = func(query store.Query) (store.Page, error) {
		page, err := list(query)
		page.Workloads = slices.DeleteFunc(page.Workloads, func(w *store.Workload) bool { return w.ID == "w0" })
		return page, err
	}
	if ops, next, err := s.page(next, 5); len(ops) != 3 || next != "" || err != nil {
		t.Errorf("%v, %q, %v", ops, next, err)
	}
}

// A page examines a bounded number of workloads that wait for nothing.
func TestSelectionIsBounded(t *testing.T) {
	ops, next, err := scripted(make([]int, 10_000)).page("", 1000)
	if len(ops) > 0 || next != "0//5000" || err != nil {
		t.Errorf("%v, %q, %v", ops, next, err)
	}
}
