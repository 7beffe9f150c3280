package reactor

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// The queue is bounded in bytes as well: whoever submits more hears which bound it is, and that it helps
// to wait.
func TestQueueBytes(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxPendingBytes = 64 << 10; c.MaxLive = 1 })
	push(t, r, "sleep", "hello")
	submit(t, r, "first", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "first")
	big := api.Spec{Module: "hello", Args: []string{strings.Repeat("x", 20<<10)}}
	taken := 0
	for ; taken < 100; taken++ {
		_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: fmt.Sprint("w", taken), Spec: big})
		if err != nil {
			wantClass(t, err, errs.QueueFull, "--queue-bytes", "64 KiB")
			if e, ok := err.(*errs.Error); !ok || e.Retry <= 0 {
				t.Errorf("no hint when to try again: %v", err)
			}
			break
		}
	}
	if taken != 2 && taken != 3 {
		t.Errorf("%d of 20 KiB each are taken, want as many as 64 KiB hold", taken)
	}
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"first"}}); err != nil {
		t.Fatal(err)
	}
	for i := range taken {
		if w := wait(t, r, fmt.Sprint("w", i)); w.Status.State != api.Succeeded {
			t.Errorf("%s: %+v", w.ID, w.Status)
		}
	}
	if got := r.runner.Stats().TakenBytes; got != 0 {
		t.Errorf("%d bytes are counted when nothing waits", got)
	}
}

// A workload larger than the whole bound is taken when it is alone.
func TestQueueBytesTakesOne(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxPendingBytes = 1 })
	push(t, r, "hello")
	if w := run(t, r, "w", api.Spec{Module: "hello"}); w.Status.State != api.Succeeded {
		t.Errorf("%+v", w.Status)
	}
}

// Of what waits behind thousands only the place is in memory. It is found by its labels, told of in
// watches, and runs as it was submitted, here and after a restart.
func TestLongQueue(t *testing.T) {
	const n = 4096 + 300
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "hello")
	submit(t, r, "first", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "first")
	reqs := make([]api.SubmitRequest, n)
	for i := range reqs {
		reqs[i] = api.SubmitRequest{ID: fmt.Sprint("w", i), Spec: api.Spec{
			Module: "hello", Args: []string{"a"}, Labels: map[string]string{"third": fmt.Sprint(i % 3), "all": "yes"},
		}}
	}
	results, err := r.SubmitWorkloads(deadline(t), reqs)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range results {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	bare := func() (count int) {
		visit := func(_ string, rec *store.Workload) bool {
			if rec == nil {
				count++
			}
			return true
		}
		for next := math.MaxInt; next > 0; {
			next = r.runner.VisitRecords(next, visit)
		}
		return count
	}
	if got := bare(); got < 250 || got > 310 {
		t.Errorf("%d of %d are a place only", got, n)
	}
	cancelled, err := r.CancelWorkloads(deadline(t), api.CancelRequest{LabelSelector: "third=0"})
	if err != nil || cancelled.Cancelled != (n+2)/3 || cancelled.Total != (n+2)/3 || len(cancelled.Results) != MaxCancelResults {
		t.Errorf("%d of %d are cancelled by their labels, want %d; %d results, %v", cancelled.Cancelled, cancelled.Total, (n+2)/3, len(cancelled.Results), err)
	}
	last := fmt.Sprint("w", (n-1)/3*3)
	if w := awaitState(t, r, last, api.Cancelled); w.Spec.Labels["third"] != "0" {
		t.Errorf("a watch tells of %+v", w)
	}
	shutdown(t, r)

	r = openIn(t, dir)
	for _, i := range []int{1, n/2/3*3 + 1, (n-2)/3*3 + 1} {
		w := wait(t, r, fmt.Sprint("w", i))
		if w.Status.State != api.Succeeded || w.Spec.Labels["third"] != "1" || len(w.Spec.Args) != 1 {
			t.Errorf("%s: %+v", w.ID, w)
		}
	}
}

// A restart reads of what waits behind much else its place only, counts it as before, and runs it as it was
// submitted.
func TestRestartWithLongQueue(t *testing.T) {
	const n, input = 40, 500_000
	dir := t.TempDir()
	one := func(c *Config) { c.MaxLive = 1 }
	r := openIn(t, dir, one)
	push(t, r, "sleep")
	submit(t, r, "first", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "first")
	for i := range n {
		submit(t, r, fmt.Sprint("w", i), api.Spec{Module: "sleep", Stdin: make([]byte, input), Labels: map[string]string{"number": fmt.Sprint(i)}})
	}
	pending := func() int64 {
		r.runner.VisitRecords(math.MaxInt, func(id string, rec *store.Workload) bool {
			if id == fmt.Sprint("w", n-1) && rec != nil {
				t.Errorf("the record of the last in the queue is in memory: %+v", rec)
			}
			return true
		})
		return r.runner.Stats().PendingBytes
	}
	before := pending()
	shutdown(t, r)

	r = openIn(t, dir, one)
	awaitWaiting(t, r, "first")
	if after := pending(); after < before || after > before+100*n {
		t.Errorf("%d bytes are counted after the restart, %d before", after, before)
	}
	ids := []string{"first"}
	for i := range n - 1 {
		ids = append(ids, fmt.Sprint("w", i))
	}
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: ids}); err != nil {
		t.Fatal(err)
	}
	last := fmt.Sprint("w", n-1)
	awaitWaiting(t, r, last)
	w, err := r.GetWorkload(deadline(t), last)
	if err != nil || w.Status.Attempts != 1 || w.Spec.Labels["number"] != fmt.Sprint(n-1) || len(w.Spec.Stdin) != input {
		t.Errorf("%+v, %v", w, err)
	}
}
