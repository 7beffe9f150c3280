package feed

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func entries(revisions ...int64) (es []Entry[string]) {
	for _, r := range revisions {
		es = append(es, Entry[string]{r, fmt.Sprint(r)})
	}
	return es
}

func publish(f *Feed[string], revisions ...int64) {
	if len(revisions) > 0 {
		f.Publish(revisions[len(revisions)-1], entries(revisions...))
	}
}

func TestNext(t *testing.T) {
	for _, tc := range []struct {
		name    string
		publish []int64 // into a ring of 4 that begins at revision 10
		since   int64
		limit   int
		want    []int64
		ok      bool
	}{
		{"nothing yet", nil, 10, 9, nil, true},
		{"from the past", nil, 9, 9, nil, false},
		{"all", []int64{11, 12, 13}, 10, 9, []int64{11, 12, 13}, true},
		{"some", []int64{11, 12, 13}, 12, 9, []int64{13}, true},
		{"between revisions", []int64{11, 14, 17}, 12, 9, []int64{14, 17}, true},
		{"limited", []int64{11, 12, 13}, 10, 2, []int64{11, 12}, true},
		{"ahead", []int64{11, 12}, 20, 9, nil, true},
		{"forgotten", []int64{11, 12, 13, 14, 15}, 10, 9, nil, false},
		{"just not forgotten", []int64{11, 12, 13, 14, 15}, 11, 9, []int64{12, 13, 14, 15}, true},
		{"around the ring", []int64{11, 12, 13, 14, 15, 16, 17}, 14, 9, []int64{15, 16, 17}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := New[string](4, 10)
			_, unsubscribe := f.Subscribe()
			defer unsubscribe()
			publish(f, tc.publish...)
			got, ok := f.Next(nil, tc.since, tc.limit)
			if ok != tc.ok || !slices.Equal(got, entries(tc.want...)) {
				t.Errorf("Next = %v, %v, want %v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestNobodyWatches(t *testing.T) {
	f := New[string](4, 0)
	publish(f, 1, 2, 3)
	head, unsubscribe := f.Subscribe()
	if head != 3 {
		t.Errorf("head = %d, want 3", head)
	}
	if _, ok := f.Next(nil, 2, 9); ok {
		t.Error("the feed holds what was published before anyone subscribed")
	}
	publish(f, 4)
	unsubscribe()
	unsubscribe() // once more does no harm
	if f.Active() {
		t.Error("active without a subscriber")
	}
	if _, ok := f.Next(nil, 3, 9); ok {
		t.Error("the feed holds changes that nobody is subscribed to")
	}
}

func TestClose(t *testing.T) {
	f := New[string](4, 0)
	_, unsubscribe := f.Subscribe()
	defer unsubscribe()
	waiting := f.Changed(0)
	publish(f, 1)
	<-waiting
	waiting = f.Changed(1)
	f.Close()
	<-waiting
	if f.Closed(0) {
		t.Error("closed to a reader that has not seen the last change")
	}
	if got, ok := f.Next(nil, 0, 9); !ok || len(got) != 1 {
		t.Errorf("Next = %v, %v after Close, want the last change", got, ok)
	}
	if !f.Closed(1) {
		t.Error("not closed to a reader that has seen all")
	}
	<-f.Changed(1)
}

func TestLeftOut(t *testing.T) {
	f := New[string](4, 0)
	_, unsubscribe := f.Subscribe()
	defer unsubscribe()
	publish(f, 1, 2)
	f.Publish(5, nil) // by a publisher that did not know of the subscriber yet
	publish(f, 6)
	if _, ok := f.Next(nil, 2, 9); ok {
		t.Error("the feed claims to have what was left out")
	}
	if got, ok := f.Next(nil, 5, 9); !ok || !slices.Equal(got, entries(6)) {
		t.Errorf("Next = %v, %v", got, ok)
	}
}

// TestReaders lets readers of different speed follow a publisher: each sees every change, in
// order and once, or learns that it was too slow.
func TestReaders(t *testing.T) {
	const last = 5000
	f := New[string](64, 0)
	var readers sync.WaitGroup
	for range 8 {
		_, unsubscribe := f.Subscribe()
		readers.Go(func() {
			defer unsubscribe()
			pos := int64(0)
			for pos < last {
				<-f.Changed(pos)
				got, ok := f.Next(nil, pos, 7)
				if !ok {
					pos += 50 // as if read from the store, which may even run ahead
					continue
				}
				for _, e := range got {
					if e.Revision <= pos {
						t.Errorf("revision %d after %d", e.Revision, pos)
					}
					pos = e.Revision
				}
			}
		})
	}
	for r := int64(1); r <= last+50; r++ {
		publish(f, r)
	}
	readers.Wait()
}
