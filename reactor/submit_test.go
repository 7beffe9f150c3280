package reactor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/submission"
	"github.com/reactord/reactord/reactor/store"
)

// everything is a spec that sets every field.
func everything(t *testing.T) api.Spec {
	return api.Spec{
		Module: "hello", Name: "a name", Labels: map[string]string{"app": "web", "tier": ""},
		Args: []string{"one", "", "zwei ü"}, Env: map[string]string{"K": "v=w", "EMPTY": ""},
		Stdin: []byte{0, 1, 2}, Interactive: true,
		Grants: []grant.Grant{
			grant.Directory{HostPath: t.TempDir(), GuestPath: "/data", ReadOnly: true},
			grant.Listener{Address: "127.0.0.1:0"},
		},
		Limits: api.Limits{
			MemoryBytes: 1 << 20, Fuel: 1 << 40, Timeout: time.Minute, StackBytes: 1 << 17, LogBytes: 99, Descriptors: 9, PendingOps: 8,
			Connections: 7, SentBytes: 6, ReceivedBytes: 5, BytesPerSecond: 4,
		},
	}
}

func TestSubmitKeepsTheSpec(t *testing.T) {
	r := open(t)
	push(t, r, "hello")
	spec := everything(t)
	want := spec
	want.Module = digestOf(guest(t, "hello"))
	w := run(t, r, "w", spec)
	if diff := cmp.Diff(want, w.Spec); diff != "" {
		t.Errorf("the spec changed (-want +got):\n%s", diff)
	}
	if w.Status.State != api.Succeeded {
		t.Errorf("status %+v", w.Status)
	}
	if len(w.Status.ListenAddresses) != 1 || strings.HasSuffix(w.Status.ListenAddresses[0], ":0") {
		t.Errorf("listens on %q", w.Status.ListenAddresses)
	}
	plain := submit(t, r, "plain", api.Spec{Module: "hello"})
	if diff := cmp.Diff(r.cfg.DefaultLimits, plain.Spec.Limits); diff != "" {
		t.Errorf("limits are not the defaults (-want +got):\n%s", diff)
	}
}

func TestSubmitTwice(t *testing.T) {
	dir := t.TempDir()
	folder := t.TempDir()
	spec := api.Spec{Module: "hello", Grants: []grant.Grant{grant.Directory{HostPath: folder, GuestPath: "/"}}}
	r := openIn(t, dir)
	push(t, r, "hello", "fail")
	first := run(t, r, "w", spec)

	again := func(r *Reactor) {
		t.Helper()
		w, created, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "w", Spec: spec})
		if err != nil || created {
			t.Fatalf("created %v, %v", created, err)
		}
		if diff := cmp.Diff(first, w); diff != "" {
			t.Errorf("not the workload there is (-want +got):\n%s", diff)
		}
	}
	again(r)
	other := spec
	other.Args = []string{"x"}
	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "w", Spec: other})
	wantClass(t, err, errs.WorkloadExists, `"w"`)

	// Nothing that changed in the daemon since makes it another request: the tag moved, the
	// defaults changed, the folder went, the module was deleted, no more work is taken.
	if _, err := r.TagModule(deadline(t), "fail", "hello"); err != nil {
		t.Fatal(err)
	}
	again(r)
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	again(r)
	if err := r.DeleteModule(deadline(t), digestOf(guest(t, "fail"))); err != nil {
		t.Fatal(err)
	}
	again(r)
	shutdown(t, r)
	r = openIn(t, dir, func(c *Config) { c.DefaultLimits.LogBytes = 123456 })
	again(r)
	r.Drain(false)
	again(r)
}

func TestSubmitRefuses(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLimits.Timeout = time.Hour })
	push(t, r, "hello", "add", "large")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := func(host, guest string) []grant.Grant {
		return []grant.Grant{grant.Directory{HostPath: host, GuestPath: guest}}
	}
	for _, tc := range []struct {
		name   string
		req    api.SubmitRequest
		class  errs.Class
		fields []string
		words  string
	}{
		{"id", api.SubmitRequest{ID: "a b"}, errs.InvalidArgument, []string{"id"}, ""},
		{"long id", api.SubmitRequest{ID: strings.Repeat("x", 129)}, errs.InvalidArgument, []string{"id"}, "129"},
		{"no module", api.SubmitRequest{Spec: api.Spec{Name: "x"}}, errs.InvalidArgument, []string{"spec.module"}, ""},
		{"unknown tag", api.SubmitRequest{Spec: api.Spec{Module: "nothing"}}, errs.ModuleNotFound, nil, "nothing"},
		{"unknown digest", api.SubmitRequest{Spec: api.Spec{Module: digestOf(nil)}}, errs.ModuleNotFound, nil, digestOf(nil)},
		{"bad digest", api.SubmitRequest{Spec: api.Spec{Module: "sha256:12"}}, errs.InvalidArgument, []string{"module"}, ""},
		{"bad tag", api.SubmitRequest{Spec: api.Spec{Module: "a b"}}, errs.InvalidArgument, []string{"module"}, ""},
		{"control characters", api.SubmitRequest{Spec: api.Spec{Name: "a\x1b[31m"}}, errs.InvalidArgument, []string{"spec.name"}, "byte 1"},
		{"labels", api.SubmitRequest{Spec: api.Spec{Labels: map[string]string{"a b": "c"}}}, errs.InvalidArgument, []string{`spec.labels["a b"]`}, ""},
		{"10,000 arguments", api.SubmitRequest{Spec: api.Spec{Args: make([]string, 10_000)}}, errs.InvalidArgument, []string{"spec.args"}, "10000 arguments are more than the 4096"},
		{"long arguments", api.SubmitRequest{Spec: api.Spec{Args: []string{strings.Repeat("x", 2<<20)}}}, errs.InvalidArgument, []string{"spec.args"}, "1048576"},
		{"zero byte", api.SubmitRequest{Spec: api.Spec{Args: []string{"a", "b\x00"}}}, errs.InvalidArgument, []string{"spec.args[1]"}, ""},
		{"env", api.SubmitRequest{Spec: api.Spec{Env: map[string]string{"A=B": "c"}}}, errs.InvalidArgument, []string{`spec.env["A=B"]`}, ""},
		{"stdin", api.SubmitRequest{Spec: api.Spec{Stdin: make([]byte, 5<<20)}}, errs.InvalidArgument, []string{"spec.stdin"}, "interactive"},
		{"relative folder", api.SubmitRequest{Spec: api.Spec{Grants: dir("data", "/data")}}, errs.InvalidArgument, []string{"spec.grants[0].directory.host_path"}, ""},
		{"no guest path", api.SubmitRequest{Spec: api.Spec{Grants: dir("/", "")}}, errs.InvalidArgument, []string{"spec.grants[0].directory.guest_path"}, ""},
		{"same guest path", api.SubmitRequest{Spec: api.Spec{Grants: append(dir("/", "/d"), dir("/", "/d")...)}}, errs.InvalidArgument, []string{"spec.grants[1].directory.guest_path"}, ""},
		{"nil grant", api.SubmitRequest{Spec: api.Spec{Grants: []grant.Grant{nil}}}, errs.InvalidArgument, []string{"spec.grants[0]"}, ""},
		{"address", api.SubmitRequest{Spec: api.Spec{Grants: []grant.Grant{grant.Listener{Address: "80"}, grant.Connection{Address: "host:0"}, grant.Connection{Address: ":80"}}}}, errs.InvalidArgument,
			[]string{"spec.grants[0].listener.address", "spec.grants[1].connection.address", "spec.grants[2].connection.address"}, ""},
		{"no folder", api.SubmitRequest{Spec: api.Spec{Module: "hello", Grants: dir("/nowhere/at/all", "/")}}, errs.GrantDenied, []string{"spec.grants[0].directory.host_path"}, "/nowhere/at/all"},
		{"a file", api.SubmitRequest{Spec: api.Spec{Module: "hello", Grants: dir(file, "/")}}, errs.GrantDenied, []string{"spec.grants[0].directory.host_path"}, "not a folder"},
		{"limits", api.SubmitRequest{Spec: api.Spec{Limits: api.Limits{MemoryBytes: 5 << 30, Timeout: 2 * time.Hour, StackBytes: 1 << 30}}}, errs.InvalidArgument,
			[]string{"spec.limits.memory_bytes", "spec.limits.timeout", "spec.limits.stack_bytes"}, "1h0m0s"},
		{"negative timeout", api.SubmitRequest{Spec: api.Spec{Limits: api.Limits{Timeout: -1}}}, errs.InvalidArgument, []string{"spec.limits.timeout"}, ""},
		{"too few descriptors", api.SubmitRequest{Spec: api.Spec{Grants: dir("/", "/"), Limits: api.Limits{Descriptors: 3}}}, errs.InvalidArgument, []string{"spec.limits.descriptors"}, "4"},
		{"memory minimum", api.SubmitRequest{Spec: api.Spec{Module: "large", Limits: api.Limits{MemoryBytes: 1 << 20}}}, errs.InvalidArgument, []string{"spec.limits.memory_bytes"}, "16777216"},
		{"invoke a program", api.SubmitRequest{Spec: api.Spec{Module: "hello", Invoke: "x"}}, errs.InvalidArgument, []string{"spec.invoke"}, "_start"},
		{"invoke nothing", api.SubmitRequest{Spec: api.Spec{Module: "add"}}, errs.InvalidArgument, []string{"spec.invoke"}, `"add"`},
		{"invoke with words for numbers", api.SubmitRequest{Spec: api.Spec{Module: "add", Invoke: "add", Args: []string{"forty", "2"}}}, errs.InvalidArgument, []string{"spec.args[0]"}, `"forty" is not of type i32`},
		{"invoke what is not there", api.SubmitRequest{Spec: api.Spec{Module: "add", Invoke: "sub"}}, errs.InvalidArgument, []string{"spec.invoke"}, `"sub"`},
		{"too few parameters", api.SubmitRequest{Spec: api.Spec{Module: "add", Invoke: "add", Args: []string{"1"}}}, errs.InvalidArgument, []string{"spec.args"}, "i32 i32"},
		{"all at once", api.SubmitRequest{ID: "/", Spec: api.Spec{Name: "\n", Args: []string{"\x00"}, Stdin: make([]byte, 5<<20)}}, errs.InvalidArgument,
			[]string{"id", "spec.module", "spec.name", "spec.args[0]", "spec.stdin"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := tc.req
			if req.Spec.Module == "" && !slices.Contains(tc.fields, "spec.module") {
				req.Spec.Module = "hello"
			}
			_, _, err := r.SubmitWorkload(deadline(t), req)
			wantClass(t, err, tc.class, tc.words)
			var fields []string
			if e, ok := errors.AsType[*errs.Error](err); ok {
				for _, f := range e.Fields {
					fields = append(fields, f.Path)
				}
			}
			if !slices.Equal(fields, tc.fields) {
				t.Errorf("fields %q, want %q", fields, tc.fields)
			}
			// Each is refused in a batch too, and does not hinder the others.
			results, err := r.SubmitWorkloads(deadline(t), []api.SubmitRequest{{Spec: api.Spec{Module: "hello"}}, req})
			if err != nil || !results[0].Created || results[1].Created || errs.ClassOf(results[1].Err) != tc.class {
				t.Errorf("in a batch: %+v, %v", results, err)
			}
		})
	}
}

func TestSubmitMany(t *testing.T) {
	r := open(t)
	push(t, r, "nap")
	const count = 2000
	var reqs []api.SubmitRequest
	for i := range count {
		reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint("w-", i), Spec: api.Spec{Module: "nap", Labels: map[string]string{"n": fmt.Sprint(i % 2)}}})
	}
	reqs = append(reqs, reqs[7]) // once more: exists already
	results, err := r.SubmitWorkloads(deadline(t), reqs)
	if err != nil {
		t.Fatal(err)
	}
	for i, res := range results {
		if res.ID != reqs[i].ID || res.Err != nil || res.Created != (i < count) {
			t.Fatalf("result %d: %+v", i, res)
		}
	}
	for i := range count {
		if w := wait(t, r, reqs[i].ID); w.Status.State != api.Succeeded {
			t.Fatalf("%s: %+v", w.ID, w.Status)
		}
	}
	text, _ := readLog(t, r, api.LogRequest{ID: "w-1999"})
	if text != "awake\n" {
		t.Errorf("log %q", text)
	}
	seen := 0
	for token, more := "", true; more; more = token != "" {
		list, err := r.ListWorkloads(deadline(t), api.Filter{LabelSelector: "n=1"}, api.Page{Size: 300, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		seen, token = seen+len(list.Workloads), list.Next
	}
	if seen != count/2 {
		t.Errorf("%d workloads with label n=1, want %d", seen, count/2)
	}
	if _, err := r.SubmitWorkloads(deadline(t), make([]api.SubmitRequest, MaxBatch+1)); err == nil {
		t.Error("a batch above the maximum is taken")
	}
}

// failingStore refuses all submissions but the first ones.
type failingStore struct {
	store.Store
	left int
}

// failing opens stores that refuse all submissions but so many.
func failing(openStore store.Opener, left int) store.Opener {
	return func(ctx context.Context, options store.Options) (store.Store, error) {
		s, err := openStore(ctx, options)
		return &failingStore{s, left}, err
	}
}

func (s *failingStore) Submit(ctx context.Context, workloads []*store.Workload) ([]store.Submitted, error) {
	if s.left--; s.left < 0 {
		return nil, store.ErrFull
	}
	return s.Store.Submit(ctx, workloads)
}

// TestSubmitInParts: a large batch is stored in several commits. When one fails, what came before is told as
// created, and the rest has the error; when the first does, nothing was done.
func TestSubmitInParts(t *testing.T) {
	for left, created := range []int{-1, 2, 4, 5} {
		dir := t.TempDir()
		r := openOver(t, dir, failing(storeIn(dir), left))
		push(t, r, "nap")
		var reqs []api.SubmitRequest
		for i := range 5 { // two to a commit
			reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint("w", i), Spec: api.Spec{Module: "nap", Stdin: make([]byte, submission.CommitBytes*2/5)}})
		}
		results, err := r.SubmitWorkloads(deadline(t), reqs)
		if created < 0 {
			if errs.ClassOf(err) != errs.StoreFull {
				t.Errorf("without any commit: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range results {
			if done := i < created; result.Created != done || done != (result.Err == nil) || !done && errs.ClassOf(result.Err) != errs.StoreFull {
				t.Errorf("with %d commits, %d is %+v", left, i, result)
			}
		}
	}
}

// TestQueueFull fills the queue while nothing is started.
func TestQueueFull(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxPending = 3; c.MaxLive = 1 })
	push(t, r, "sleep", "hello")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	var reqs []api.SubmitRequest
	for i := range 5 {
		reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint(i), Spec: api.Spec{Module: "hello"}})
	}
	results, err := r.SubmitWorkloads(deadline(t), reqs)
	if err != nil {
		t.Fatal(err)
	}
	for i, res := range results {
		if i < 3 && res.Err != nil {
			t.Errorf("%d: %v", i, res.Err)
		}
		if i >= 3 {
			wantClass(t, res.Err, errs.QueueFull)
			if e, ok := errors.AsType[*errs.Error](res.Err); ok && e.Retry <= 0 {
				t.Error("does not say when to try again")
			}
		}
	}
	// What was stored before is no new submission.
	if _, created, err := r.SubmitWorkload(deadline(t), reqs[0]); created || err != nil {
		t.Errorf("again: created %v, %v", created, err)
	}
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"blocker"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		wait(t, r, fmt.Sprint(i))
	}
	run(t, r, "later", api.Spec{Module: "hello"})
}
