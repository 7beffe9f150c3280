package reactor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/retention"
)

func TestNode(t *testing.T) {
	r := open(t)
	n := r.Node()
	if n.Version != "test" || n.Workers != 2 || n.ProcessID != os.Getpid() || n.MemoryBytes != 1<<30 ||
		n.DefaultLimits.MemoryBytes != 256<<20 || n.MaxLimits.MemoryBytes != 4<<30 || n.Draining {
		t.Errorf("Node = %+v", n)
	}
}

func TestWatchStats(t *testing.T) {
	r := open(t)
	seen := 0
	stop := errors.New("stop")
	err := r.WatchStats(deadline(t), minStatsInterval, func(s api.Stats) error {
		if s.ResidentBytes == 0 || s.HeapBytes == 0 || s.Goroutines == 0 || s.Time.IsZero() {
			t.Errorf("stats %+v", s)
		}
		if seen++; seen == 3 {
			return stop
		}
		return nil
	})
	if err != stop {
		t.Error(err)
	}
	err = r.WatchStats(deadline(t), time.Millisecond, func(api.Stats) error { return nil })
	wantClass(t, err, errs.InvalidArgument)
	ended := make(chan error)
	started := make(chan struct{})
	start := sync.OnceFunc(func() { close(started) })
	go func() {
		ended <- r.WatchStats(deadline(t), 0, func(api.Stats) error { start(); return nil })
	}()
	<-started
	shutdown(t, r)
	if err := <-ended; err != nil {
		t.Errorf("WatchStats after a shutdown: %v", err)
	}
}

// TestGuestTime: the time of all guests by what they did goes on while they wait, and stays when they have ended.
func TestGuestTime(t *testing.T) {
	r := open(t)
	before := r.Stats()
	if before.WaitingSeconds != 0 || len(before.Waits) != 0 || before.Descriptors != 0 || before.MaxDescriptors == 0 {
		t.Errorf("before anything has run: %+v", before)
	}
	timers := func(s api.Stats) (w api.NodeWait) {
		all := 0.0
		for _, wait := range s.Waits {
			if all += wait.Seconds; wait.Kind == api.OpKind(hostcalls.OpTimer) {
				w = wait
			}
		}
		if math.Abs(all-s.WaitingSeconds) > 1e-5 {
			t.Errorf("waits add up to %f s: %+v", all, s)
		}
		return w
	}
	push(t, r, "nap", "sleep")
	usage := run(t, r, "nap", api.Spec{Module: "nap"}).Status.Usage
	napped := r.Stats()
	if w := timers(napped); w.Count != 1 || w.Seconds <= 0 || w.Seconds > 0.0201 {
		t.Errorf("after a nap of 20 ms: %+v", w)
	}
	if got, want := napped.WaitingSeconds, usage.WaitingTime.Seconds(); math.Abs(got-want) > 1e-4 {
		t.Errorf("the only guest has waited for %f s, all for %f", want, got)
	}
	if got, want := napped.ReadySeconds, usage.ReadyTime.Seconds(); math.Abs(got-want) > 0.05 { // a worker may have read the clock a while before it took the guest
		t.Errorf("the only guest was ready for %f s, all for %f", want, got)
	}
	submit(t, r, "a", api.Spec{Module: "sleep"})
	submit(t, r, "b", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "a")
	awaitWaiting(t, r, "b")
	awaitStats(t, r, "that two guests have slept for half a second", func(s api.Stats) bool { return timers(s).Seconds > 0.52 })
	if w := timers(r.Stats()); w.Count != 1 {
		t.Errorf("while two guests sleep there are waits that are over: %+v", w)
	}
	cancelled := r.Stats()
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	wait(t, r, "a")
	if w := timers(r.Stats()); w.Count != 2 || w.Seconds < timers(cancelled).Seconds {
		t.Errorf("after one has ended: %+v", w)
	}
}

// TestMemoryAdmission runs ten guests of 16 MiB on a node that has room for two at a time, and a
// small one behind them: all get their turn, and the node's limit holds.
func TestMemoryAdmission(t *testing.T) {
	const node = 40 << 20
	r := open(t, func(c *Config) { c.MemoryBytes = node })
	push(t, r, "large", "hello")
	for i := range 10 {
		submit(t, r, fmt.Sprint(i), api.Spec{Module: "large", Limits: api.Limits{MemoryBytes: 32 << 20}})
	}
	submit(t, r, "small", api.Spec{Module: "hello"})
	for i := range 10 {
		if w := wait(t, r, fmt.Sprint(i)); w.Status.State != api.Succeeded {
			t.Errorf("%d: %+v", i, w.Status)
		}
		if used := r.Stats().GuestMemoryBytes; used > node {
			t.Errorf("%d bytes in use, the limit is %d", used, node)
		}
	}
	wait(t, r, "small")
}

// TestOthersPass has a guest wait for memory that another holds: small ones pass it, and its status says what it
// waits for.
func TestOthersPass(t *testing.T) {
	r := open(t, func(c *Config) { c.MemoryBytes = 17 << 20 })
	push(t, r, "sleep", "large", "hello")
	submit(t, r, "service", api.Spec{Module: "sleep", Stdin: make([]byte, 900<<10)})
	awaitWaiting(t, r, "service")
	submit(t, r, "large", api.Spec{Module: "large", Stdin: make([]byte, 100<<10), Limits: api.Limits{MemoryBytes: 32 << 20}})
	d := awaitDelay(t, r, "large").Status.Delay
	if d.Reason.String() != "NODE_MEMORY" || !strings.Contains(d.Message, "for 16 MiB") || !strings.Contains(d.Message, "of 17 MiB are free") {
		t.Errorf("delayed: %+v", d)
	}
	for i := range 3 {
		if w := run(t, r, fmt.Sprint("small", i), api.Spec{Module: "hello"}); w.Status.State != api.Succeeded {
			t.Errorf("a small one: %+v", w.Status)
		}
	}
	awaitStats(t, r, "one waits and one is pending", func(s api.Stats) bool { return s.Pending == 1 && s.Waiting == 1 })
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"service"}}); err != nil {
		t.Fatal(err)
	}
	if w := wait(t, r, "large"); w.Status.State != api.Succeeded || w.Status.Attempts != 1 {
		t.Errorf("the large one: %+v", w.Status)
	}
}

// Operations of selected workloads come in pages, too, also if one workload has more than a page.
func TestListOpsOfSelected(t *testing.T) {
	r := open(t)
	push(t, r, "sleep", "spin")
	const count = 25
	for i := range count {
		team := []string{"a", "b"}[i%2]
		submit(t, r, fmt.Sprintf("w%02d", i), api.Spec{Module: "sleep", Labels: map[string]string{"team": team}})
	}
	submit(t, r, "spin", api.Spec{Module: "spin", Labels: map[string]string{"team": "b"}})
	for i := range count {
		awaitWaiting(t, r, fmt.Sprintf("w%02d", i))
	}
	for _, size := range []int{1, 5, 12, 100} {
		var ids []string
		for token, more := "", true; more; more = token != "" {
			ops, next, err := r.ListOps(deadline(t), api.OpFilter{LabelSelector: "team in (b, c)"}, api.Page{Size: size, Token: token})
			if err != nil || len(ops) > size {
				t.Fatalf("%d ops, %v", len(ops), err)
			}
			for _, op := range ops {
				ids = append(ids, op.WorkloadID)
			}
			token = next
		}
		if len(ids) != count/2 || ids[0] != "w23" || ids[count/2-1] != "w01" {
			t.Errorf("pages of %d: %q", size, ids)
		}
	}
	if ops, next, err := r.ListOps(deadline(t), api.OpFilter{LabelSelector: "team=c"}, api.Page{}); len(ops) > 0 || next != "" || err != nil {
		t.Errorf("of nobody: %v, %q, %v", ops, next, err)
	}
	oldest, _, err := r.ListOps(deadline(t), api.OpFilter{LabelSelector: "team=b"}, api.Page{Size: 5, OldestFirst: true})
	if err != nil || len(oldest) != 5 || !slices.IsSortedFunc(oldest, func(a, b api.Op) int { return a.StartTime.Compare(b.StartTime) }) {
		t.Errorf("the oldest: %+v, %v", oldest, err)
	}
	sum, err := r.SummarizeOps(deadline(t), api.OpFilter{LabelSelector: "team=b"}, 0)
	if err != nil || sum.Waiting != count/2 || len(sum.Groups) != 1 || sum.Groups[0].Count != count/2 || sum.Groups[0].OldestWorkloadID != oldest[0].WorkloadID {
		t.Errorf("summary %+v, %v", sum, err)
	}
	for _, filter := range []api.OpFilter{{LabelSelector: "team=="}, {LabelSelector: "team", WorkloadID: "w01"}, {MinAge: -1}} {
		_, _, err := r.ListOps(deadline(t), filter, api.Page{})
		wantClass(t, err, errs.InvalidArgument)
		_, err = r.SummarizeOps(deadline(t), filter, 0)
		wantClass(t, err, errs.InvalidArgument)
	}
	_, err = r.SummarizeOps(deadline(t), api.OpFilter{}, -1)
	wantClass(t, err, errs.InvalidArgument)
	_, _, err = r.ListOps(deadline(t), api.OpFilter{}, api.Page{OldestFirst: true, Token: "0/w01"})
	wantClass(t, err, errs.InvalidArgument)
	for _, token := range []string{"x", "-1/a/", "1/", "0//?"} {
		_, _, err := r.ListOps(deadline(t), api.OpFilter{LabelSelector: "team"}, api.Page{Token: token})
		wantClass(t, err, errs.InvalidArgument)
	}
}

func TestListOpsPages(t *testing.T) {
	r := open(t)
	push(t, r, "sleep", "spin")
	const count = 25
	for i := range count {
		submit(t, r, fmt.Sprintf("w%02d", i), api.Spec{Module: "sleep"})
	}
	submit(t, r, "spin", api.Spec{Module: "spin"})
	for i := range count {
		awaitWaiting(t, r, fmt.Sprintf("w%02d", i))
	}
	for _, size := range []int{1, 7, 25, 100} {
		var ids []string
		for token, more := "", true; more; more = token != "" {
			ops, next, err := r.ListOps(deadline(t), api.OpFilter{}, api.Page{Size: size, Token: token})
			if err != nil || len(ops) > size {
				t.Fatalf("%d ops, %v", len(ops), err)
			}
			for _, op := range ops {
				ids = append(ids, op.WorkloadID)
			}
			token = next
		}
		if len(ids) != count || ids[0] != "w00" || ids[count-1] != "w24" {
			t.Errorf("pages of %d: %q", size, ids)
		}
	}
	if ops, next, err := r.ListOps(deadline(t), api.OpFilter{WorkloadID: "w07"}, api.Page{}); err != nil || len(ops) != 1 || next != "" {
		t.Errorf("ListOps(w07) = %+v, %q, %v", ops, next, err)
	}
	if ops, _, err := r.ListOps(deadline(t), api.OpFilter{WorkloadID: "spin"}, api.Page{}); err != nil || len(ops) != 0 {
		t.Errorf("ListOps(spin) = %+v, %v", ops, err)
	}
	timers, _, err := r.ListOps(deadline(t), api.OpFilter{Kinds: []api.OpKind{api.OpKind(hostcalls.OpTimer)}}, api.Page{Size: 3})
	if err != nil || len(timers) != 3 {
		t.Errorf("timers: %+v, %v", timers, err)
	}
	for _, none := range []api.OpFilter{{Kinds: []api.OpKind{api.OpKind(hostcalls.OpRead)}}, {Target: "x*"}, {MinAge: time.Hour}} {
		if ops, next, err := r.ListOps(deadline(t), none, api.Page{Size: 3}); len(ops) > 0 || next != "" || err != nil {
			t.Errorf("%+v selects %+v, %q, %v", none, ops, next, err)
		}
	}
	_, _, err = r.ListOps(deadline(t), api.OpFilter{WorkloadID: "nothing"}, api.Page{})
	wantClass(t, err, errs.WorkloadNotFound)
	for _, token := range []string{"x", "-1/a", "/"} {
		_, _, err = r.ListOps(deadline(t), api.OpFilter{}, api.Page{Token: token})
		wantClass(t, err, errs.InvalidArgument)
	}
	_, err = r.ListWorkloads(deadline(t), api.Filter{}, api.Page{Size: -1})
	wantClass(t, err, errs.InvalidArgument)
	_, err = r.ListWorkloads(deadline(t), api.Filter{}, api.Page{Token: "?"})
	wantClass(t, err, errs.InvalidArgument)
}

// TestRetention forgets finished workloads, and a watch from before that says so.
func TestRetention(t *testing.T) {
	r := open(t, func(c *Config) { c.RetainFinished = time.Hour; c.RetainCount = 3 })
	push(t, r, "hello", "sleep")
	submit(t, r, "running", api.Spec{Module: "sleep"})
	for i := range 5 {
		run(t, r, fmt.Sprint(i), api.Spec{Module: "hello"})
	}
	clock := retention.New(r.cfg.RetainFinished, r.former)
	now := time.Now()
	uptime := now.Sub(r.since)
	prune := func(passed, jumped time.Duration) {
		t.Helper()
		if err := r.pruneNow(r.retain(clock, now.Add(passed+jumped), uptime+passed)); err != nil {
			t.Fatal(err)
		}
	}
	prune(0, 0)
	list := func() (ids string) {
		page, err := r.ListWorkloads(deadline(t), api.Filter{}, api.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range page.Workloads {
			ids += w.ID + " "
		}
		return ids
	}
	if got := list(); got != "4 3 2 running " {
		t.Errorf("kept %s", got)
	}
	prune(time.Minute, 24*time.Hour) // the clock is set
	if got := list(); got != "4 3 2 running " {
		t.Errorf("kept %s after the clock was set", got)
	}
	prune(2*time.Hour, 24*time.Hour)
	if got := list(); got != "running " {
		t.Errorf("kept %s", got)
	}
	err := r.WatchWorkloads(deadline(t), api.Filter{}, "1", func(api.WatchEvent) error { return errors.New("it goes on") })
	wantClass(t, err, errs.CursorExpired)
}

func TestConfig(t *testing.T) {
	err := Config{
		DataDir: "relative", Workers: -1, MaxPending: -2, LogMemoryBytes: 5,
		DefaultLimits: api.Limits{MemoryBytes: 2, Fuel: 9}, MaxLimits: api.Limits{MemoryBytes: 1, Fuel: 8},
	}.Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, fault := range []string{"DataDir", "Workers", "MaxPending", "LogMemoryBytes", "DefaultLimits.MemoryBytes", "DefaultLimits.Fuel"} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%s is not among the faults:\n%v", fault, err)
		}
	}
	if err := (Config{DataDir: "/x", MaxLimits: api.Limits{MemoryBytes: 1 << 20, Timeout: time.Minute}}).Validate(); err != nil {
		t.Errorf("a maximum below the built-in default: %v", err)
	}
	if _, err := New(Config{ABIs: []abi.ABI{wasip1.New()}}, storeIn("")); err == nil {
		t.Error("New without a data directory")
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{DataDir: file, ABIs: []abi.ABI{wasip1.New()}}, storeIn(file)); err == nil {
		t.Error("New in a file")
	}
	r := open(t)
	if _, err := New(Config{DataDir: r.cfg.DataDir, ABIs: []abi.ABI{wasip1.New()}}, storeIn(r.cfg.DataDir)); err == nil {
		t.Error("two reactors in one data directory")
	}
}
