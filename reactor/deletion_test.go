package reactor

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// codeOf returns how many files of machine code the compile cache has for a module.
func codeOf(t *testing.T, r *Reactor, name string) int {
	t.Helper()
	digest := strings.TrimPrefix(digestOf(guest(t, name)), "sha256:")
	files, err := filepath.Glob(filepath.Join(r.cfg.DataDir, "cache", "*"+digest+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestDeleteWorkload(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "sleep")
	run(t, r, "first", api.Spec{Module: "hello"})
	before := ""
	follow(t, r, api.Filter{}, "", func(e api.WatchEvent) bool { before = e.Cursor; return true })
	run(t, r, "ended", api.Spec{Module: "hello"})
	submit(t, r, "sleeper", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "sleeper")

	wantClass(t, r.DeleteWorkload(deadline(t), "sleeper"), errs.WorkloadUnfinished, "cancel")
	wantClass(t, r.DeleteWorkload(deadline(t), "nobody"), errs.WorkloadNotFound)
	wantClass(t, r.DeleteWorkload(deadline(t), ""), errs.InvalidArgument)
	wantClass(t, r.DeleteWorkload(deadline(t), "a b"), errs.InvalidArgument)

	cursor := make(chan string)
	watching := make(chan struct{})
	go func() { // a watch that is up to date sees nothing of a deletion
		first := true
		cursor <- follow(t, r, api.Filter{}, "", func(e api.WatchEvent) bool {
			if first {
				first = false
				close(watching)
			}
			return e.Workload != nil
		})
	}()
	<-watching
	if err := r.DeleteWorkload(deadline(t), "ended"); err != nil {
		t.Fatal(err)
	}
	_, err := r.GetWorkload(deadline(t), "ended")
	wantClass(t, err, errs.WorkloadNotFound)
	wantClass(t, r.ReadLogs(deadline(t), api.LogRequest{ID: "ended"}, func(api.LogChunk) error { return nil }), errs.WorkloadNotFound)
	err = r.WatchWorkloads(deadline(t), api.Filter{}, before, func(api.WatchEvent) error { return nil })
	wantClass(t, err, errs.CursorExpired)

	w := run(t, r, "ended", api.Spec{Module: "hello"}) // the id is free again
	if w.Status.State != api.Succeeded {
		t.Errorf("status %+v", w.Status)
	}
	<-cursor
	if text, _ := readLog(t, r, api.LogRequest{ID: "ended"}); text == "" {
		t.Error("the new one has no log")
	}
}

func TestPruneModules(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "fail", "sleep")
	for _, tag := range []string{"hello", "fail"} {
		if _, err := r.UntagModule(deadline(t), tag); err != nil {
			t.Fatal(err)
		}
	}
	hello, fail := digestOf(guest(t, "hello")), digestOf(guest(t, "fail"))
	run(t, r, "w", api.Spec{Module: hello})
	pruned, err := r.PruneModules(deadline(t), api.PruneRequest{})
	if err != nil || len(pruned.Modules) != 1 || pruned.Modules[0].Digest != fail {
		t.Fatalf("pruned %+v, %v", pruned, err)
	}
	if size := uint64(len(guest(t, "fail"))); pruned.FreedBytes <= size {
		t.Errorf("%d bytes are freed, the module alone has %d", pruned.FreedBytes, size)
	}
	if codeOf(t, r, "fail") != 0 || codeOf(t, r, "hello") != 1 {
		t.Error("the machine code is not that of the modules")
	}
	// A finished workload refers to its module until it is deleted.
	if err := r.DeleteWorkload(deadline(t), "w"); err != nil {
		t.Fatal(err)
	}
	if pruned, err := r.PruneModules(deadline(t), api.PruneRequest{}); err != nil || len(pruned.Modules) != 1 || pruned.Modules[0].Digest != hello {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
}

// TestListByModule takes whatever names the module, also after its deletion.
func TestListByModule(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "fail")
	run(t, r, "of-hello", api.Spec{Module: "hello"})
	run(t, r, "of-fail", api.Spec{Module: "fail"})
	digest := digestOf(guest(t, "hello"))
	want := func(ref string) {
		t.Helper()
		page, err := r.ListWorkloads(deadline(t), api.Filter{Module: ref}, api.Page{})
		if err != nil || len(page.Workloads) != 1 || page.Workloads[0].ID != "of-hello" {
			t.Errorf("by %q: %+v, %v", ref, page.Workloads, err)
		}
	}
	short := digest[len("sha256:"):][:12]
	for _, ref := range []string{"hello", digest, short, "sha256:" + short} {
		want(ref)
	}
	if err := r.DeleteModule(deadline(t), "hello"); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{digest, short, "sha256:" + short} {
		want(ref)
	}
	_, err := r.ListWorkloads(deadline(t), api.Filter{Module: "hello"}, api.Page{})
	wantClass(t, err, errs.ModuleNotFound)
	_, err = r.ListWorkloads(deadline(t), api.Filter{Module: "sha256:12"}, api.Page{})
	wantClass(t, err, errs.InvalidArgument, "filter.module")
}

// TestUnusedModulesGo by age, and by size when modules take nearly all their room; what something refers to stays.
func TestUnusedModulesGo(t *testing.T) {
	hello, fail := len(guest(t, "hello")), len(guest(t, "fail"))
	r := open(t, func(c *Config) { c.ModuleStoreBytes = int64(hello + fail + 2*4096 + 100) })
	push(t, r, "hello", "fail")
	tags := func() []string {
		t.Helper()
		page, err := r.ListModules(deadline(t), api.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var tags []string
		for _, m := range page.Modules {
			tags = append(tags, append(m.Tags, "")[0])
		}
		return tags
	}
	later := time.Now().Add(time.Hour)
	if err := r.pruneModules(later); err != nil || !slices.Equal(tags(), []string{"fail", "hello"}) {
		t.Errorf("with tags: %q, %v", tags(), err)
	}
	if _, err := r.UntagModule(deadline(t), "fail"); err != nil {
		t.Fatal(err)
	}
	// Its room is needed, but it was pushed just now.
	if err := r.pruneModules(time.Now()); err != nil || len(tags()) != 2 {
		t.Errorf("just pushed: %q, %v", tags(), err)
	}
	if err := r.pruneModules(later); err != nil || !slices.Equal(tags(), []string{"hello"}) {
		t.Errorf("after its time: %q, %v", tags(), err)
	}
}

// TestSweepCode deletes machine code that a killed daemon left of modules that are gone.
func TestSweepCode(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir)
	push(t, r, "hello", "fail")
	digest, err := store.ParseDigest(digestOf(guest(t, "fail")))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.DeleteModule(deadline(t), digest); err != nil { // and then it is killed
		t.Fatal(err)
	}
	if codeOf(t, r, "fail") != 1 {
		t.Fatal("there is no code to be swept")
	}
	shutdown(t, r)
	r = openIn(t, dir)
	await(t, "the code is gone", func() bool { return codeOf(t, r, "fail") == 0 })
	if codeOf(t, r, "hello") != 1 {
		t.Error("the code of another module is gone")
	}
}
