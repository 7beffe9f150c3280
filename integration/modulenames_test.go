package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// digits returns the digits of a module's digest.
func digits(binary []byte) string { return strings.TrimPrefix(testkit.Digest(binary), "sha256:") }

// variant returns a module that differs from others with another text.
func variant(text string) []byte { return (&testkit.Program{}).Bytes(text) }

// alike returns two modules whose digests have the same first six digits.
func alike() (one, other []byte) {
	seen := map[string][]byte{}
	for i := 0; ; i++ {
		binary := variant(fmt.Sprint("alike ", i))
		prefix := digits(binary)[:6]
		if seen[prefix] != nil {
			return seen[prefix], binary
		}
		seen[prefix] = binary
	}
}

// file writes a module to a file of a name.
func file(t *testing.T, name string, binary []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, binary, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCtlModuleByDigits: what `module list` prints is what every command takes.
func TestCtlModuleByDigits(t *testing.T) {
	c := newCtl(t)
	one, other := alike()
	c.must(t, "module", "push", file(t, "one.wasm", one))
	list := c.must(t, "module", "list")
	short := digits(one)[:12]
	if !strings.Contains(list, short) || !strings.Contains(list, "one") {
		t.Fatalf("the list lacks %s or its name:\n%s", short, list)
	}
	for _, ref := range []string{short, short[:6], "sha256:" + short, testkit.Digest(one), digits(one)} {
		if out := c.must(t, "module", "inspect", ref); !strings.Contains(out, digits(one)+"\n") {
			t.Errorf("inspect %s:\n%s", ref, out)
		}
	}
	c.must(t, "module", "tag", short, "named")
	c.must(t, "run", short)
	c.must(t, "submit", "--id", "submitted", short[:8])
	c.must(t, "wait", "submitted")
	for _, ref := range []string{short, "named", "sha256:" + short[:6]} {
		if out := c.must(t, "list", "--module", ref, "-o", "json"); !strings.Contains(out, `"submitted"`) {
			t.Errorf("list --module %s:\n%s", ref, out)
		}
	}

	c.must(t, "module", "push", file(t, "other.wasm", other))
	for _, args := range [][]string{{"module", "inspect"}, {"module", "rm"}, {"run"}, {"submit"}, {"list", "--module"}} {
		_, errs, status := c.run(t, "", append(args, short[:6])...)
		if status != 125 || !strings.Contains(errs, short) || !strings.Contains(errs, digits(other)[:12]) {
			t.Errorf("%q of two modules: status %d\n%s", args, status, errs)
		}
	}
	// A tag that looks like digits has precedence.
	c.must(t, "module", "tag", digits(other), short[:6])
	if out := c.must(t, "module", "inspect", short[:6]); !strings.Contains(out, digits(other)+"\n") {
		t.Errorf("the tag names\n%s", out)
	}
	c.must(t, "module", "rm", short)
	if out := c.must(t, "list", "--module", short, "-o", "json"); !strings.Contains(out, `"submitted"`) {
		t.Errorf("after the module's deletion:\n%s", out)
	}
}

// TestModuleReferences: the API's calls take the beginnings of digests, and refuse those of several modules.
func TestModuleReferences(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	one, other := alike()
	d.Push(t, one)
	prefix := digits(one)[:6]
	if s := d.Run(t, &reactorv1.WorkloadSpec{Module: prefix}); s.GetState() != succeeded {
		t.Errorf("status %v", s)
	}
	d.Push(t, other)
	_, err := d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: "sha256:" + prefix})
	refusal{codes.InvalidArgument, "MODULE_AMBIGUOUS", prefix, ""}.check(t, err)
	_, err = d.Modules.TagModule(t.Context(), &reactorv1.TagModuleRequest{Module: prefix, Tag: "x"})
	refusal{codes.InvalidArgument, "MODULE_AMBIGUOUS", prefix, ""}.check(t, err)
	_, err = d.Modules.DeleteModule(t.Context(), &reactorv1.DeleteModuleRequest{Module: prefix})
	refusal{codes.InvalidArgument, "MODULE_AMBIGUOUS", prefix, ""}.check(t, err)
	_, err = d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: prefix}})
	refusal{codes.InvalidArgument, "MODULE_AMBIGUOUS", prefix, ""}.check(t, err)
	_, err = d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{Module: prefix}})
	refusal{codes.InvalidArgument, "MODULE_AMBIGUOUS", prefix, ""}.check(t, err)
	_, err = d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: "sha256:12345"})
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "6 to 64", "module"}.check(t, err)
	_, err = d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: "12345"})
	refusal{codes.NotFound, "MODULE_NOT_FOUND", "12345", ""}.check(t, err)
}

// TestCtlRemovesTags as docker does: a tag of several goes alone, a digest takes all tags along.
func TestCtlRemovesTags(t *testing.T) {
	c := newCtl(t)
	binary := variant("tagged")
	path := file(t, "tool.wasm", binary)
	for _, tag := range []string{"v1", "v2", "latest"} {
		c.must(t, "module", "push", path, "--tag", tag)
	}
	if out := c.must(t, "module", "rm", "v1"); !strings.Contains(out, "v1 untagged") || !strings.Contains(out, "latest, v2") {
		t.Errorf("rm of one tag of three: %s", out)
	}
	if out := c.must(t, "module", "untag", "v2"); !strings.Contains(out, "still has the tag latest") {
		t.Errorf("untag: %s", out)
	}
	c.must(t, "module", "push", path, "--tag", "again")
	if out := c.must(t, "module", "rm", digits(binary)[:12]); !strings.Contains(out, "removed, with the tags again, latest") {
		t.Errorf("rm of a digest: %s", out)
	}
	c.must(t, "module", "push", path, "--tag", "only")
	if out := c.must(t, "module", "rm", "only"); out != "only removed" {
		t.Errorf("rm of the only tag: %s", out)
	}
	out, errs, status := c.run(t, "", "module", "rm", "only", "v1")
	if status != 125 || out != "" || !strings.Contains(errs, "only: ") || !strings.Contains(errs, "v1: ") {
		t.Errorf("rm of nothing: status %d, %q\n%s", status, out, errs)
	}
	if _, errs, status := c.run(t, "", "module", "untag", "v1"); status != 125 || !strings.Contains(errs, `no tag "v1"`) {
		t.Errorf("untag of nothing: status %d\n%s", status, errs)
	}
}

// TestCtlPrunes what nothing refers to, with its machine code.
func TestCtlPrunes(t *testing.T) {
	dir := t.TempDir()
	c := newCtlOf(t, testkit.Start(t, dir))
	code := func() int {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "cache", "*.code"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	loose, used := variant("loose"), variant("used")
	c.must(t, "module", "push", file(t, "loose.wasm", loose))
	c.must(t, "module", "push", file(t, "tagged.wasm", variant("tagged")), "-t", "tagged")
	c.must(t, "run", "--id", "user", file(t, "used.wasm", used))
	if code() != 3 {
		t.Fatalf("there are %d files of machine code", code())
	}
	if out, errs, status := c.run(t, "", "module", "prune", "--unused-for", "24h"); status != 0 || out != "" || !strings.Contains(errs, "nothing to remove") {
		t.Errorf("of what is used lately: status %d, %q, %q", status, out, errs)
	}
	short := digits(loose)[:12]
	if out := c.must(t, "module", "prune", "--dry-run"); !strings.Contains(out, short+" (loose) would be removed") || code() != 3 {
		t.Errorf("a dry run: %s", out)
	}
	if out := c.must(t, "module", "prune"); !strings.Contains(out, short+" (loose) removed") || !strings.Contains(out, "freed") || code() != 2 {
		t.Errorf("prune: %s\n%d files of machine code are left", out, code())
	}
	c.must(t, "rm", "user")
	if out := c.must(t, "module", "prune"); !strings.Contains(out, digits(used)[:12]) || code() != 1 {
		t.Errorf("prune after rm: %s\n%d files of machine code are left", out, code())
	}
	if out := c.must(t, "module", "list"); !strings.Contains(out, "tagged") || strings.Contains(out, short) {
		t.Errorf("the list:\n%s", out)
	}
	if _, errs, status := c.run(t, "", "module", "prune", "--unused-for", "-1s"); status != 125 || !strings.Contains(errs, "zero or more") {
		t.Errorf("a negative time: status %d\n%s", status, errs)
	}
}

func TestPruneModulesRefuses(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	for _, unused := range []*durationpb.Duration{durationpb.New(-time.Second), {Seconds: 1 << 60}} {
		_, err := d.Modules.PruneModules(t.Context(), &reactorv1.PruneModulesRequest{UnusedFor: unused})
		refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "zero or more", "unused_for"}.check(t, err)
	}
	_, err := d.Modules.UntagModule(t.Context(), &reactorv1.UntagModuleRequest{Tag: "nothing"})
	refusal{codes.NotFound, "MODULE_NOT_FOUND", "nothing", ""}.check(t, err)
	_, err = d.Modules.UntagModule(t.Context(), &reactorv1.UntagModuleRequest{Tag: "sha256:123456"})
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "tag"}.check(t, err)
}

// TestUploadModule stores a small module in one call.
func TestUploadModule(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	upload := func(content []byte, tag, name string) (*reactorv1.UploadModuleResponse, error) {
		return d.Modules.UploadModule(t.Context(), &reactorv1.UploadModuleRequest{Content: content, Tag: tag, Name: name})
	}
	for i, name := range []string{"sleeper", ""} {
		resp, err := upload(examples.Sleeper, fmt.Sprint("v", i), name)
		if err != nil || resp.GetExisted() != (i > 0) || resp.GetModule().GetName() != "sleeper" || resp.GetModule().GetLastUseTime() == nil ||
			resp.GetModule().GetDigest() != testkit.Digest(examples.Sleeper) || len(resp.GetModule().GetTags()) != i+1 {
			t.Errorf("%v, %v", resp, err)
		}
	}
	if s := d.Run(t, &reactorv1.WorkloadSpec{Module: "v0", Args: []string{"1", "1"}}); s.GetState() != succeeded {
		t.Errorf("status %v", s)
	}
	const most = 4 << 20
	padding := strings.Repeat("x", most-len(variant(""))-100)
	if _, err := upload(variant(padding), "", ""); err != nil {
		t.Errorf("nearly the largest one: %v", err)
	}
	_, err := upload(variant(padding+strings.Repeat("x", 1000)), "", "")
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "push", "content"}.check(t, err)
	_, err = upload(variant(padding+strings.Repeat("x", 100_000)), "", "")
	refusal{codes.ResourceExhausted, "LIMIT_EXCEEDED", "", ""}.check(t, err)
	_, err = upload(nil, "-", "a\nb")
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "name"}.check(t, err)
	_, err = upload([]byte("no module"), "", "")
	refusal{codes.InvalidArgument, "MODULE_INVALID", "", ""}.check(t, err)
}

// TestUnusedModulesMakeRoom: when modules take all their room, a push takes that of the least recently used ones that
// nothing refers to.
func TestUnusedModulesMakeRoom(t *testing.T) {
	t.Parallel() // it waits most of the time
	size := len(variant("number 0"))
	room := 3 * (size + 4096)
	d := testkit.Start(t, t.TempDir(), fmt.Sprintf("--module-store=%d", room))
	tagged := variant("number 0")
	if _, err := d.TryPush(t.Context(), tagged, "tag"); err != nil {
		t.Fatal(err)
	}
	used := d.Push(t, variant("number 1"))
	if s := d.Run(t, &reactorv1.WorkloadSpec{Module: used}); s.GetState() != succeeded {
		t.Fatalf("status %v", s)
	}
	loose := d.Push(t, variant("number 2"))
	next := ""
	until(t, "there is room for another module", func() bool { // after the grace of what was just pushed
		result, err := d.TryPush(t.Context(), variant("number 3"), "")
		if err != nil {
			refusal{codes.ResourceExhausted, "STORE_FULL", "", ""}.check(t, err)
			return false
		}
		next = result.GetModule().GetDigest()
		return true
	})
	list, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, m := range list.GetModules() {
		left = append(left, m.GetDigest())
	}
	if want := []string{next, used, testkit.Digest(tagged)}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v; %s was not used", left, want, loose)
	}
	if !strings.Contains(d.Log(), "unused modules were deleted") {
		t.Error("the log does not tell")
	}
}

// TestTinyCompileCache: what is not kept is compiled again, and the bound is kept.
func TestTinyCompileCache(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir, "--compile-cache=1KiB", "--idle-modules=1")
	modules := []string{d.Push(t, variant("one")), d.Push(t, variant("other"))}
	for range 3 {
		for _, module := range modules {
			if s := d.Run(t, &reactorv1.WorkloadSpec{Module: module}); s.GetState() != succeeded {
				t.Errorf("status %v", s)
			}
		}
	}
	if size := folderSize(t, filepath.Join(dir, "cache")); size > 1<<10 {
		t.Errorf("the cache has %d bytes", size)
	}
}

// TestKilledWhileRemoving kills the daemon while it removes modules: what is left is whole, and nothing else is left.
func TestKilledWhileRemoving(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	const count = 40
	for i := range count {
		d.Push(t, variant(fmt.Sprint("number ", i)))
	}
	pruned := make(chan error, 1)
	go func() {
		_, err := d.Modules.PruneModules(t.Context(), &reactorv1.PruneModulesRequest{})
		pruned <- err
	}()
	listed := func() []*reactorv1.Module {
		t.Helper()
		list, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return list.GetModules()
	}
	until(t, "some are removed", func() bool {
		select {
		case err := <-pruned:
			if err != nil {
				t.Fatal(err)
			}
			pruned <- nil
		default:
		}
		return len(listed()) < count
	})
	d.Kill()
	<-pruned // cut off, or just not

	d = testkit.Start(t, dir)
	for _, m := range listed() {
		if s := d.Run(t, &reactorv1.WorkloadSpec{Module: m.GetDigest()}); s.GetState() != succeeded {
			t.Errorf("%s: %v", m.GetDigest(), s)
		}
	}
	left := len(listed())
	until(t, "code and blobs are those of the modules", func() bool {
		for folder, pattern := range map[string]string{"cache": "*.code", filepath.Join("store", "modules", "blobs"): "*"} {
			files, err := filepath.Glob(filepath.Join(dir, folder, pattern))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != left {
				t.Logf("%s has %d files for %d modules", folder, len(files), left)
				return false
			}
		}
		return true
	})
}

// TestCtlRemovesWorkloads that have ended; others have to be cancelled first.
func TestCtlRemovesWorkloads(t *testing.T) {
	c := newCtl(t, tool(t))
	module := c.must(t, "module", "push", file(t, "tool.wasm", tool(t)), "--tag", "tool")
	run := func(id, app string, args ...string) {
		t.Helper()
		c.must(t, append([]string{"submit", "--id", id, "--label", "app=" + app, module}, args...)...)
	}
	for _, id := range []string{"web-1", "web-2", "web-3", "batch"} {
		run(id, strings.TrimRight(strings.TrimRight(id, "123"), "-"), "hello")
	}
	run("failed", "web", "exit", "7")
	for _, id := range []string{"web-1", "web-2", "web-3", "batch", "failed"} {
		c.run(t, "", "wait", id)
	}
	run("sleeper", "web", "sleep", "1h")
	left := func(want ...string) {
		t.Helper()
		list, err := c.daemon.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, w := range list.GetWorkloads() {
			ids = append(ids, w.GetId())
		}
		slices.Sort(ids)
		if !slices.Equal(ids, want) {
			t.Errorf("left are %v, want %v", ids, want)
		}
	}
	if out := c.must(t, "workload", "rm", "web-1"); out != "web-1 deleted" {
		t.Errorf("rm prints %q", out)
	}
	_, errs, status := c.run(t, "", "rm", "sleeper")
	if status != 125 || !strings.Contains(errs, "has not ended") || !strings.Contains(errs, "--force") {
		t.Errorf("rm of one that runs: status %d\n%s", status, errs)
	}
	out, errs, status := c.run(t, "", "rm", "batch", "sleeper", "nobody")
	if status != 125 || out != "batch deleted\n" || !strings.Contains(errs, "sleeper: ") || !strings.Contains(errs, "nobody: ") {
		t.Errorf("rm of three: status %d, %q\n%s", status, out, errs)
	}
	left("failed", "sleeper", "web-2", "web-3")
	if out := c.must(t, "rm", "-l", "app=web", "--state", "failed"); out != "failed deleted" {
		t.Errorf("by state: %q", out)
	}
	c.must(t, "rm", "--label", "app=web")
	left("sleeper")
	for _, args := range [][]string{{}, {"x", "--label", "app=web"}, {"--label", "app=web", "--state", "running"}} {
		if _, errs, status := c.run(t, "", append([]string{"rm"}, args...)...); status != 125 {
			t.Errorf("rm %q: status %d\n%s", args, status, errs)
		}
	}
	if out := c.must(t, "rm", "--force", "--label", "app=web"); out != "sleeper deleted" {
		t.Errorf("by force: %q", out)
	}
	left()
	if _, errs, status := c.run(t, "", "rm", "-l", "app=web"); status != 0 || !strings.Contains(errs, "nothing to delete") {
		t.Errorf("of nothing: status %d\n%s", status, errs)
	}
}

// TestDeleteWorkload frees its id, and lets older cursors expire.
func TestDeleteWorkload(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	submit := func(args ...string) {
		t.Helper()
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{
			Id: "job", Spec: &reactorv1.WorkloadSpec{Module: module, Args: args},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	drop := func() error {
		_, err := d.Workloads.DeleteWorkload(t.Context(), &reactorv1.DeleteWorkloadRequest{Id: "job"})
		return err
	}
	submit("sleep", "1h")
	refusal{codes.FailedPrecondition, "WORKLOAD_UNFINISHED", "", ""}.check(t, drop())
	list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	d.Cancel(t, "job")
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	refusal{codes.NotFound, "WORKLOAD_NOT_FOUND", "", ""}.check(t, drop())
	if cursor := list.GetCursor(); cursor != "" {
		watch, err := d.Workloads.WatchWorkloads(t.Context(), &reactorv1.WatchWorkloadsRequest{Cursor: cursor})
		if err == nil {
			_, err = watch.Recv()
		}
		refusal{codes.FailedPrecondition, "CURSOR_EXPIRED", "", ""}.check(t, err)
	}
	submit("hello")
	if s := d.WaitFor(t, "job"); s.GetState() != succeeded {
		t.Errorf("status %v", s)
	}
	if err := drop(); err != nil {
		t.Error(err)
	}
	_, err = d.Workloads.DeleteWorkload(t.Context(), &reactorv1.DeleteWorkloadRequest{Id: "a b"})
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "id"}.check(t, err)
}

// TestPushName: any file's name is good for a push.
func TestPushName(t *testing.T) {
	c := newCtl(t)
	path := file(t, strings.Repeat("é", 100)+"\u202e\x07.wasm", variant("name"))
	c.must(t, "module", "push", path)
	list, err := c.daemon.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil || list.GetModules()[0].GetName() != strings.Repeat("é", 64) {
		t.Errorf("%v, %v", list, err)
	}
	if !strings.Contains(c.must(t, "module", "list"), "éé") {
		t.Error("the list lacks the name")
	}
}

// A file may be called anything: its module and its workload have what can be printed of the name.
func TestCtlRunsFileOfAnyName(t *testing.T) {
	c := newCtl(t)
	one, _ := alike()
	path := file(t, "a\x1b[31mb\xff\u202e.wasm", one)
	c.must(t, "run", path)
	c.must(t, "submit", "--id", "odd", path)
	if out := c.must(t, "status", "odd"); !strings.Contains(out, "a[31mb\n") {
		t.Errorf("its status is\n%s", out)
	}
}
