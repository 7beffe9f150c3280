package integration

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// elsewhere are listed errors that TestListedErrors does not provoke, with what does or why it is hard.
var elsewhere = map[string]string{
	"PushModule: PUSH_STALLED":       "a push that brings nothing for a minute; integration/attack",
	"PushModule: UNAVAILABLE":        "a compiler that is killed",
	"PushModule: MODULE_NOT_FOUND":   "a module that is deleted during the push of it",
	"PushModule: QUEUE_FULL":         "64 modules that wait to be compiled; integration/attack",
	"UploadModule: UNAVAILABLE":      "as with PushModule",
	"UploadModule: MODULE_NOT_FOUND": "as with PushModule",
	"UploadModule: QUEUE_FULL":       "as with PushModule",

	"SnapshotModule: LIMIT_EXCEEDED": "a snapshot that has 256 tags, as with TagModule",
	"SnapshotModule: UNAVAILABLE":    "as with PushModule",
	"SnapshotModule: QUEUE_FULL":     "as with PushModule",
	"SnapshotModule: STORE_FULL":     "as with PushModule",

	"PushModule: SIGNATURE_REQUIRED":      "TestRequireSignature",
	"UploadModule: SIGNATURE_REQUIRED":    "TestRequireSignature",
	"FetchModule: SIGNATURE_REQUIRED":     "TestRequireSignature",
	"SubmitWorkload: SIGNATURE_REQUIRED":  "TestSignatureRequiredLater",
	"SubmitWorkloads: SIGNATURE_REQUIRED": "TestSignatureRequiredLater",
	"CallFunction: SIGNATURE_REQUIRED":    "TestSignatureRequiredLater",
	"Call: SIGNATURE_REQUIRED":            "as with CallFunction",
	"SnapshotModule: SIGNATURE_REQUIRED":  "TestSignatureRequiredLater",
	"FetchModule: MODULE_NOT_FOUND":       "TestFetchModule",
	"FetchModule: STORE_FULL":             "TestFetchIntoFullStore",
	"FetchModule: REGISTRY_FAULT":         "registries that lie; cmd/internal/oci",
	"FetchModule: DIGEST_MISMATCH":        "registries that lie; cmd/internal/oci",
	"FetchModule: UNAVAILABLE":            "registries that do not answer; cmd/reactord/internal/registries",
	"FetchModule: MODULE_INVALID":         "as with PushModule, of what a registry has",
	"FetchModule: MODULE_UNSUPPORTED":     "as with PushModule, of what a registry has",
	"FetchModule: MODULE_TOO_LARGE":       "as with PushModule, of what a registry has",
	"FetchModule: LIMIT_EXCEEDED":         "as with PushModule, of what a registry has",
	"FetchModule: QUEUE_FULL":             "as with PushModule",
	"FetchModule: PUSH_STALLED":           "as with PushModule",
	"FetchModule: DRAINING":               "as with PushModule",

	"TagModule: STORE_FULL":               "a full disk",
	"SubmitWorkload: MODULE_UNSUPPORTED":  "a module of a kind that a later daemon stored",
	"SubmitWorkload: UNAVAILABLE":         "a granted folder on a file system that hangs",
	"SubmitWorkload: STORE_FULL":          "a full store; reactor/internal/submission",
	"SubmitWorkloads: MODULE_UNSUPPORTED": "as with SubmitWorkload",
	"SubmitWorkloads: UNAVAILABLE":        "as with SubmitWorkload",
	"SubmitWorkloads: STORE_FULL":         "as with SubmitWorkload",

	"CallFunction: QUEUE_FULL":         "4,096 calls at a time",
	"CallFunction: UNAVAILABLE":        "no descriptor left",
	"CallFunction: MODULE_UNSUPPORTED": "as with SubmitWorkload",
	"Call: QUEUE_FULL":                 "as with CallFunction",
	"Call: UNAVAILABLE":                "as with CallFunction",
	"Call: MODULE_UNSUPPORTED":         "as with SubmitWorkload",

	"WatchWorkloads: CURSOR_EXPIRED": "TestCursorExpires",
	"WatchWorkloads: DRAINING":       "a daemon that is stopping",
	"WaitWorkload: DRAINING":         "a daemon that is stopping",
	"CancelWorkloads: DRAINING":      "a daemon that is stopping",
	"ReadLogs: DRAINING":             "a daemon that is stopping",
	"AttachWorkload: DRAINING":       "a daemon that is stopping",
	"RevokeGrants: DRAINING":         "a daemon that is stopping",
	"RevokeGrants: UNAVAILABLE":      "a disk that fails",
	"RevokeGrants: STORE_FULL":       "a full disk",
	"AttachWorkload: UNAVAILABLE":    "a guest that is stopped for want of memory",
}

// provoked collects which errors calls have failed with.
type provoked struct {
	t    *testing.T
	seen map[string]bool // "CALL: REASON"
}

// by notes the reason of a call that must fail with it.
func (p *provoked) by(call, reason string, err error) {
	p.t.Helper()
	if got := testkit.ReasonOf(err); got != reason {
		p.t.Errorf("%s failed with %q (%v), want %s", call, got, err, reason)
	}
	p.seen[call+": "+reason] = true
}

// item notes the reason of one result of a batch.
func (p *provoked) item(call, reason string, e *reactorv1.Error) {
	p.t.Helper()
	if got := strings.TrimPrefix(e.GetReason().String(), "ERROR_REASON_"); got != reason {
		p.t.Errorf("a result of %s has %q (%s), want %s", call, got, e.GetMessage(), reason)
	}
	p.seen[call+": "+reason] = true
}

// TestListedErrors: each error that a call lists is one that it has.
func TestListedErrors(t *testing.T) {
	p := &provoked{t, map[string]bool{}}
	d := testkit.Start(t, t.TempDir())
	t.Run("modules", func(t *testing.T) { p.modules(t, d) })
	t.Run("submissions", func(t *testing.T) { p.submissions(t, d) })
	t.Run("workloads", func(t *testing.T) { p.workloads(t, d) })
	t.Run("node", func(t *testing.T) {
		_, err := received2(d.Node.WatchStats(t.Context(), &reactorv1.WatchStatsRequest{Interval: durationpb.New(1)}))
		p.by("WatchStats", "INVALID_ARGUMENT", err)
	})
	t.Run("small bounds", p.bounds)
	t.Run("draining", func(t *testing.T) { p.draining(t, d) })
	if t.Failed() {
		return
	}
	listing, err := testkit.Reasons()
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range slices.Sorted(maps.Keys(listing.Calls)) {
		for _, reason := range listing.Calls[call] {
			pair := call + ": " + reason
			switch _, known := elsewhere[pair]; {
			case p.seen[pair] && known:
				t.Errorf("%s is provoked, and said not to be: take it out of `elsewhere`", pair)
			case !p.seen[pair] && !known:
				t.Errorf("%s is listed, and nothing provokes it: add that, or take it off the call's comment", pair)
			}
			delete(p.seen, pair)
		}
	}
	for pair := range elsewhere {
		if call, reason, _ := strings.Cut(pair, ": "); !slices.Contains(listing.Calls[call], reason) {
			t.Errorf("%s is not listed: take it out of `elsewhere`", pair)
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(p.seen)) {
		t.Errorf("%s is provoked, and not listed", pair)
	}
}

// received2 is received with the stream's first message.
func received2[T any](stream interface{ Recv() (*T, error) }, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return stream.Recv()
}

// refs are names of modules with what is wrong with them. twin is the beginning of two digests.
func refs(twin string) map[string]string {
	return map[string]string{"": "INVALID_ARGUMENT", "nonesuch": "MODULE_NOT_FOUND", twin: "MODULE_AMBIGUOUS"}
}

func (p *provoked) modules(t *testing.T, d *testkit.Daemon) {
	ctx := t.Context()
	twin := twins(t, d)
	for ref, reason := range refs(twin) {
		_, err := d.Modules.GetModule(ctx, &reactorv1.GetModuleRequest{Module: ref})
		p.by("GetModule", reason, err)
		_, err = d.Modules.DescribeModule(ctx, &reactorv1.DescribeModuleRequest{Module: ref})
		p.by("DescribeModule", reason, err)
		_, err = received2(d.Modules.PullModule(ctx, &reactorv1.PullModuleRequest{Module: ref}))
		p.by("PullModule", reason, err)
		_, err = d.Modules.TagModule(ctx, &reactorv1.TagModuleRequest{Module: ref, Tag: "a"})
		p.by("TagModule", reason, err)
		_, err = d.Modules.DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: ref})
		p.by("DeleteModule", reason, err)
		_, err = d.Modules.SnapshotModule(ctx, &reactorv1.SnapshotModuleRequest{Module: ref})
		p.by("SnapshotModule", reason, err)
	}
	_, err := d.Modules.SnapshotModule(ctx, &reactorv1.SnapshotModuleRequest{Module: d.Push(t, library(t)), Invoke: "opens"})
	p.by("SnapshotModule", "SNAPSHOT_FAILED", err)
	_, err = d.Modules.UntagModule(ctx, &reactorv1.UntagModuleRequest{Tag: "a b"})
	p.by("UntagModule", "INVALID_ARGUMENT", err)
	_, err = d.Modules.UntagModule(ctx, &reactorv1.UntagModuleRequest{Tag: "nonesuch"})
	p.by("UntagModule", "MODULE_NOT_FOUND", err)
	_, err = d.Modules.ListModules(ctx, &reactorv1.ListModulesRequest{PageSize: -1})
	p.by("ListModules", "INVALID_ARGUMENT", err)
	_, err = d.Modules.PruneModules(ctx, &reactorv1.PruneModulesRequest{UnusedFor: durationpb.New(-1)})
	p.by("PruneModules", "INVALID_ARGUMENT", err)
	_, err = d.Modules.FetchModule(ctx, &reactorv1.FetchModuleRequest{Reference: "a b"})
	p.by("FetchModule", "INVALID_ARGUMENT", err)
	_, err = d.Modules.FetchModule(ctx, &reactorv1.FetchModuleRequest{Reference: "127.0.0.1:1/not/allowed"})
	p.by("FetchModule", "REGISTRY_DENIED", err)
	busy := sleeper(t, d.Client, time.Hour)
	d.Submit(t, busy)
	_, err = d.Modules.DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: busy.Module})
	p.by("DeleteModule", "MODULE_IN_USE", err)

	module := d.Push(t, (&testkit.Program{}).Bytes("tagged"))
	for i := range 257 {
		_, err = d.Modules.TagModule(ctx, &reactorv1.TagModuleRequest{Module: module, Tag: fmt.Sprint("tag-", i)})
	}
	p.by("TagModule", "LIMIT_EXCEEDED", err)

	unsupported := testkit.Program{}
	unsupported.Call(unsupported.Import("nobody", "has_this", "", false))
	for _, upload := range []struct {
		binary      []byte
		tag, reason string
	}{
		{[]byte("no module"), "", "MODULE_INVALID"},
		{nil, "", "INVALID_ARGUMENT"},
		{unsupported.Bytes(""), "", "MODULE_UNSUPPORTED"},
		{(&testkit.Program{}).Bytes("tagged too"), "", ""},
		{(&testkit.Program{}).Bytes("tagged"), "one-too-many", "LIMIT_EXCEEDED"},
	} {
		_, err := d.TryPush(ctx, upload.binary, upload.tag)
		_, err2 := d.Modules.UploadModule(ctx, &reactorv1.UploadModuleRequest{Content: upload.binary, Tag: upload.tag})
		if upload.reason != "" {
			p.by("PushModule", upload.reason, err)
			p.by("UploadModule", upload.reason, err2)
		}
	}
	binary := (&testkit.Program{}).Bytes("another digest")
	_, err = d.PushAs(ctx, &reactorv1.PushModuleHeader{Digest: testkit.Digest(nil), SizeBytes: uint64(len(binary))}, binary)
	p.by("PushModule", "DIGEST_MISMATCH", err)
}

// twins pushes two modules whose digests begin with the same six digits, and returns these.
func twins(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	byPrefix := map[string][]byte{}
	for i := 0; ; i++ {
		binary := (&testkit.Program{}).Bytes(fmt.Sprint("twin ", i))
		_, digits, _ := strings.Cut(testkit.Digest(binary), ":")
		if _, err := hex.DecodeString(digits); err != nil {
			t.Fatal(err)
		}
		prefix := digits[:6]
		if former := byPrefix[prefix]; former != nil {
			d.Push(t, former)
			d.Push(t, binary)
			return prefix
		}
		byPrefix[prefix] = binary
	}
}

// submissions provokes the errors of SubmitWorkload, and the same ones in results of SubmitWorkloads.
func (p *provoked) submissions(t *testing.T, d *testkit.Daemon) {
	ctx := t.Context()
	module := d.Push(t, (&testkit.Program{}).Bytes(""))
	request := func(id string, spec *reactorv1.WorkloadSpec) *reactorv1.SubmitWorkloadRequest {
		return &reactorv1.SubmitWorkloadRequest{Id: id, Spec: spec}
	}
	if _, err := d.Workloads.SubmitWorkload(ctx, request("taken", &reactorv1.WorkloadSpec{Module: module})); err != nil {
		t.Fatal(err)
	}
	denied := &reactorv1.Grant{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: "/no/such/folder", GuestPath: "x"}}}
	requests := map[string]*reactorv1.SubmitWorkloadRequest{
		"GRANT_DENIED":    request("", &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{denied}}),
		"WORKLOAD_EXISTS": request("taken", &reactorv1.WorkloadSpec{Module: module, Name: "another"}),
	}
	for ref, reason := range refs(twins(t, d)) {
		requests[reason] = request("", &reactorv1.WorkloadSpec{Module: ref})
		_, err := d.Workloads.CallFunction(ctx, &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{Module: ref, Call: &reactorv1.FunctionCall{Export: "f"}}})
		p.by("CallFunction", reason, err)
		_, err = finish(t, openCall(t, d, ref, "f"))
		p.by("Call", reason, err)
	}
	for reason, req := range requests {
		p.submission(t, d, reason, req)
	}
	p.deniedCalls(t)
	_, err := d.Workloads.SubmitWorkloads(ctx, &reactorv1.SubmitWorkloadsRequest{Requests: slices.Repeat([]*reactorv1.SubmitWorkloadRequest{{}}, 10_001)})
	p.by("SubmitWorkloads", "INVALID_ARGUMENT", err)
}

// deniedCalls calls a function with a connection that the operator does not allow.
func (p *provoked) deniedCalls(t *testing.T) {
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0", "--insecure-no-auth", "--allow-connect=127.0.0.1:*")
	spec := &reactorv1.WorkloadSpec{
		Module: pushComponent(t, d, "wire"),
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Name: "db", Address: "10.0.0.1:80"}}}},
		Call: &reactorv1.FunctionCall{Export: "ask", Args: []*reactorv1.Value{
			{Kind: &reactorv1.Value_Connection{Connection: "db"}}, {Kind: &reactorv1.Value_Text{}},
		}},
	}
	_, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: spec})
	p.by("CallFunction", "GRANT_DENIED", err)
	stream, err := d.Workloads.Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send(t, stream, &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{Spec: spec}}})
	_, err = stream.Recv()
	p.by("Call", "GRANT_DENIED", err)
}

// submission submits what is refused for a reason, alone and in a batch.
func (p *provoked) submission(t *testing.T, d *testkit.Daemon, reason string, req *reactorv1.SubmitWorkloadRequest) {
	t.Helper()
	_, err := d.Workloads.SubmitWorkload(t.Context(), req)
	p.by("SubmitWorkload", reason, err)
	resp, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{Requests: []*reactorv1.SubmitWorkloadRequest{req}})
	if err != nil {
		p.by("SubmitWorkloads", reason, err)
		return
	}
	p.item("SubmitWorkloads", reason, resp.GetResults()[0].GetError())
}

func (p *provoked) workloads(t *testing.T, d *testkit.Daemon) {
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	spec := sleeper(t, d.Client, time.Hour)
	running := d.Submit(t, spec)
	ended := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, (&testkit.Program{}).Bytes("")), Interactive: true,
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Resolve{Resolve: &reactorv1.ResolveGrant{Pattern: "example.org"}}}},
	})
	d.WaitFor(t, ended)
	for id, reason := range map[string]string{"a/b": "INVALID_ARGUMENT", "nonesuch": "WORKLOAD_NOT_FOUND"} {
		_, err := d.Workloads.GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		p.by("GetWorkload", reason, err)
		_, err = d.Workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: id})
		p.by("WaitWorkload", reason, err)
		_, err = d.Workloads.DeleteWorkload(ctx, &reactorv1.DeleteWorkloadRequest{Id: id})
		p.by("DeleteWorkload", reason, err)
		_, err = d.Workloads.ListOps(ctx, &reactorv1.ListOpsRequest{WorkloadId: id})
		p.by("ListOps", reason, err)
		_, err = received2(d.Workloads.ReadLogs(ctx, &reactorv1.ReadLogsRequest{Id: id}))
		p.by("ReadLogs", reason, err)
		p.by("AttachWorkload", reason, attached(ctx, d, id))
		_, err = d.Workloads.GetGrants(ctx, &reactorv1.GetGrantsRequest{Id: id})
		p.by("GetGrants", reason, err)
		_, err = d.Workloads.RevokeGrants(ctx, &reactorv1.RevokeGrantsRequest{Id: id, All: true})
		p.by("RevokeGrants", reason, err)
	}
	_, err := d.Workloads.RevokeGrants(ctx, &reactorv1.RevokeGrantsRequest{Id: ended, All: true})
	p.by("RevokeGrants", "WORKLOAD_FINISHED", err)
	_, err = d.Workloads.SummarizeOps(ctx, &reactorv1.SummarizeOpsRequest{LabelSelector: "="})
	p.by("SummarizeOps", "INVALID_ARGUMENT", err)
	_, err = d.Workloads.DeleteWorkload(ctx, &reactorv1.DeleteWorkloadRequest{Id: running})
	p.by("DeleteWorkload", "WORKLOAD_UNFINISHED", err)
	p.by("AttachWorkload", "WORKLOAD_NOT_INTERACTIVE", attached(ctx, d, running))

	interactive := d.Submit(t, &reactorv1.WorkloadSpec{Module: spec.Module, Args: spec.Args, Interactive: true})
	first, err := d.Workloads.AttachWorkload(ctx)
	if err == nil {
		err = first.Send(&reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Id{Id: interactive}})
	}
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a second client is refused", func() bool {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond) // one that comes before the first has to leave
		defer cancel()
		err = attached(ctx, d, interactive)
		return testkit.ReasonOf(err) != ""
	})
	p.by("AttachWorkload", "WORKLOAD_ATTACHED", err)

	_, err = d.Workloads.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{})
	p.by("CancelWorkloads", "INVALID_ARGUMENT", err)
	resp, err := d.Workloads.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{Ids: []string{ended, "nonesuch"}})
	if err != nil {
		t.Fatal(err)
	}
	p.item("CancelWorkloads", "WORKLOAD_FINISHED", resp.GetResults()[0].GetError())
	p.item("CancelWorkloads", "WORKLOAD_NOT_FOUND", resp.GetResults()[1].GetError())

	faulty := refs(twins(t, d))
	delete(faulty, "") // no module selects all
	faulty["a b"] = "INVALID_ARGUMENT"
	for ref, reason := range faulty {
		filter := &reactorv1.WorkloadFilter{Module: ref}
		_, err := d.Workloads.ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{Filter: filter})
		p.by("ListWorkloads", reason, err)
		_, err = received2(d.Workloads.WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{Filter: filter}))
		p.by("WatchWorkloads", reason, err)
	}
}

// bounds provokes errors of daemons with small bounds.
func (p *provoked) bounds(t *testing.T) {
	ctx := t.Context()
	d := testkit.Start(t, t.TempDir(), "--queue=1", "--max-live=1", "--module-store=64KiB", "--max-module-size=60KiB")
	spec := sleeper(t, d.Client, time.Hour)
	until(t, "the queue is full", func() bool {
		_, err := d.Workloads.SubmitWorkload(ctx, &reactorv1.SubmitWorkloadRequest{Spec: spec})
		return testkit.ReasonOf(err) == "QUEUE_FULL"
	})
	p.submission(t, d, "QUEUE_FULL", &reactorv1.SubmitWorkloadRequest{Spec: spec})

	small := d.Push(t, library(t))
	_, err := d.Modules.SnapshotModule(ctx, &reactorv1.SnapshotModuleRequest{Module: small})
	p.by("SnapshotModule", "MODULE_TOO_LARGE", err)
	if _, err := d.Modules.DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: small}); err != nil {
		t.Fatal(err)
	}

	for size, reason := range map[int]string{61 << 10: "MODULE_TOO_LARGE", 59 << 10: "STORE_FULL"} {
		binary := (&testkit.Program{}).Bytes(strings.Repeat("x", size))
		_, err := d.TryPush(ctx, (&testkit.Program{}).Bytes(strings.Repeat("y", 30<<10)), "")
		if reason == "STORE_FULL" && err != nil {
			t.Fatal(err)
		}
		_, err = d.TryPush(ctx, binary, "")
		p.by("PushModule", reason, err)
		_, err = d.Modules.UploadModule(ctx, &reactorv1.UploadModuleRequest{Content: binary})
		p.by("UploadModule", reason, err)
	}
}

// draining drains the daemon.
func (p *provoked) draining(t *testing.T, d *testkit.Daemon) {
	ctx := t.Context()
	if _, err := d.Node.Drain(ctx, &reactorv1.DrainRequest{}); err != nil {
		t.Fatal(err)
	}
	binary := (&testkit.Program{}).Bytes("drained")
	_, err := d.TryPush(ctx, binary, "")
	p.by("PushModule", "DRAINING", err)
	_, err = d.Modules.UploadModule(ctx, &reactorv1.UploadModuleRequest{Content: binary})
	p.by("UploadModule", "DRAINING", err)
	_, err = d.Modules.SnapshotModule(ctx, &reactorv1.SnapshotModuleRequest{Module: anyModule(t, d)})
	p.by("SnapshotModule", "DRAINING", err)
	_, err = d.Workloads.CallFunction(ctx, &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{Module: anyModule(t, d)}})
	p.by("CallFunction", "DRAINING", err)
	_, err = finish(t, openCall(t, d, anyModule(t, d), "f"))
	p.by("Call", "DRAINING", err)
	p.submission(t, d, "DRAINING", &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: anyModule(t, d)}})
}

// anyModule returns a module that the daemon has.
func anyModule(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	resp, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetModules()[0].GetDigest()
}
