package integration

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// wasi is the module name of WASI preview 1.
const wasi = "wasi_snapshot_preview1"

// refusal is how a request is refused.
type refusal struct {
	code   codes.Code
	reason string
	says   string // part of the message
	field  string // of a violation, if there must be one
}

func (r refusal) check(t *testing.T, err error) {
	t.Helper()
	st := status.Convert(err)
	if st.Code() != r.code {
		t.Fatalf("got %v (%s), want %v", st.Code(), st.Message(), r.code)
	}
	if !strings.Contains(strings.ToLower(st.Message()), strings.ToLower(r.says)) {
		t.Errorf("the message is %q, and should say %q", st.Message(), r.says)
	}
	var reason string
	var violations []string
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
			if d.GetDomain() != "reactor.v1" {
				t.Errorf("the domain is %q", d.GetDomain())
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				violations = append(violations, v.GetField())
			}
		}
	}
	if reason != r.reason {
		t.Errorf("the reason is %s, want %s", reason, r.reason)
	}
	if r.field != "" && !slices.Contains(violations, r.field) {
		t.Errorf("violations are of %q, want one of %s", violations, r.field)
	}
}

func TestBadModules(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	unknownImport := &testkit.Program{}
	unknownImport.Import("env", "launch_missiles", "i", true)
	unknownFunction := &testkit.Program{}
	unknownFunction.Import(wasi, "fd_teleport", "i", true)
	bindgen, emscripten, preview2 := &testkit.Program{}, &testkit.Program{}, &testkit.Program{}
	bindgen.Import("wbg", "__wbg_log_1", "i", false)
	emscripten.Import("env", "emscripten_resize_heap", "i", true)
	preview2.Import("wasi:cli/exit@0.2.0", "exit", "i", false)
	valid := (&testkit.Program{}).Bytes("")
	for _, tt := range []struct {
		name   string
		binary []byte
		want   refusal
	}{
		{"empty", nil, refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "header.size_bytes"}},
		{"not wasm", []byte("#!/bin/sh\necho hello\n"), refusal{codes.InvalidArgument, "MODULE_INVALID", "it is a script", ""}},
		{"a native program", []byte("\x7fELF\x02\x01\x01"), refusal{codes.InvalidArgument, "MODULE_INVALID", "native program or library (ELF): build it for WebAssembly", ""}},
		{"compressed", []byte("\x1f\x8b\x08"), refusal{codes.InvalidArgument, "MODULE_INVALID", "unpack it first", ""}},
		{"text format", []byte("(module)"), refusal{codes.InvalidArgument, "MODULE_INVALID", "`wat2wasm`", ""}},
		{"JavaScript", []byte("import { run } from './run.js';"), refusal{codes.InvalidArgument, "MODULE_INVALID", "it is text", ""}},
		{"wasm-bindgen", bindgen.Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "without wasm-bindgen", ""}},
		{"Emscripten", emscripten.Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "-sSTANDALONE_WASM", ""}},
		{"preview 2's core", preview2.Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "build for preview 1", ""}},
		{"truncated", valid[:len(valid)-3], refusal{codes.InvalidArgument, "MODULE_INVALID", "at byte 0x", ""}},
		{"component that exports nothing", []byte("\x00asm\x0d\x00\x01\x00"), refusal{codes.InvalidArgument, "MODULE_INVALID", "it exports neither wasi:cli/run", ""}},
		{"unknown import", unknownImport.Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "\"launch_missiles\": there is no such function; the linker has not found it", ""}},
		{"unknown function of WASI", unknownFunction.Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "fd_teleport", ""}},
		{"no entry point", (&testkit.Program{NoEntry: true}).Bytes(""), refusal{codes.InvalidArgument, "MODULE_INVALID", "_start", ""}},
		{"64-bit memory", (&testkit.Program{Memory: []byte{4, 1}}).Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "memory", ""}},
		{"shared memory", (&testkit.Program{Memory: []byte{3, 1, 1}}).Bytes(""), refusal{codes.InvalidArgument, "MODULE_UNSUPPORTED", "shared", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.TryPush(t.Context(), tt.binary, "")
			tt.want.check(t, err)
		})
	}
	t.Run("300 MB", func(t *testing.T) {
		_, err := d.PushAs(t.Context(), &reactorv1.PushModuleHeader{Digest: testkit.Digest(nil), SizeBytes: 300e6}, nil)
		refusal{codes.ResourceExhausted, "MODULE_TOO_LARGE", "", ""}.check(t, err)
	})
	t.Run("another digest", func(t *testing.T) {
		_, err := d.PushAs(t.Context(), &reactorv1.PushModuleHeader{Digest: testkit.Digest(nil), SizeBytes: uint64(len(valid))}, valid)
		refusal{codes.InvalidArgument, "DIGEST_MISMATCH", "", ""}.check(t, err)
	})
	t.Run("no digest", func(t *testing.T) {
		_, err := d.PushAs(t.Context(), &reactorv1.PushModuleHeader{Digest: "sha256:xyz", SizeBytes: 1}, valid)
		refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "header.digest"}.check(t, err)
	})
	t.Run("more than announced", func(t *testing.T) {
		_, err := d.PushAs(t.Context(), &reactorv1.PushModuleHeader{Digest: testkit.Digest(valid), SizeBytes: uint64(len(valid) - 1)}, valid)
		if code := status.Code(err); code != codes.InvalidArgument {
			t.Errorf("got %v, want INVALID_ARGUMENT", err)
		}
	})
	t.Run("chunk before header", func(t *testing.T) {
		stream, err := d.Modules.PushModule(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: valid}}); err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "header"}.check(t, err)
	})
	t.Run("the daemon goes on", func(t *testing.T) {
		if s := d.Run(t, &reactorv1.WorkloadSpec{Module: d.Push(t, valid)}); s.GetState() != succeeded {
			t.Errorf("status is %v", s)
		}
	})
}

func TestBadSubmissions(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--max-memory=512MiB")
	module := d.Push(t, (&testkit.Program{}).Bytes(""))
	large := d.Push(t, (&testkit.Program{Memory: []byte{0, 32}}).Bytes(""))
	if _, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{
		Id: "taken", Spec: &reactorv1.WorkloadSpec{Module: module},
	}); err != nil {
		t.Fatal(err)
	}
	directory := func(path string) []*reactorv1.Grant {
		return []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
			Directory: &reactorv1.DirectoryGrant{HostPath: path, GuestPath: "/data"},
		}}}
	}
	invalid := func(field string) refusal {
		return refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", field}
	}
	for _, tt := range []struct {
		name string
		id   string
		spec *reactorv1.WorkloadSpec
		want refusal
	}{
		{"nothing", "", nil, invalid("spec.module")},
		{"id with a slash", "a/b", &reactorv1.WorkloadSpec{}, invalid("id")},
		{"long id", strings.Repeat("a", 129), &reactorv1.WorkloadSpec{}, invalid("id")},
		{"name with control characters", "", &reactorv1.WorkloadSpec{Name: "a\x1b[31mb"}, invalid("spec.name")},
		{"long name", "", &reactorv1.WorkloadSpec{Name: strings.Repeat("n", 129)}, invalid("spec.name")},
		{"label with a space", "", &reactorv1.WorkloadSpec{Labels: map[string]string{"a b": "c"}}, invalid(`spec.labels["a b"]`)},
		{"argument with a NUL", "", &reactorv1.WorkloadSpec{Args: []string{"fine", "a\x00b"}}, invalid("spec.args[1]")},
		{"10,000 arguments", "", &reactorv1.WorkloadSpec{Args: make([]string, 10_000)}, invalid("spec.args")},
		{"long arguments", "", &reactorv1.WorkloadSpec{Args: []string{strings.Repeat("x", 2<<20)}}, invalid("spec.args")},
		{"empty environment name", "", &reactorv1.WorkloadSpec{Env: map[string]string{"": "x"}}, invalid(`spec.env[""]`)},
		{"no grant", "", &reactorv1.WorkloadSpec{Grants: []*reactorv1.Grant{{}}}, invalid("spec.grants[0]")},
		{"relative folder", "", &reactorv1.WorkloadSpec{Grants: directory("data")}, invalid("spec.grants[0].directory.host_path")},
		{"no such folder", "", &reactorv1.WorkloadSpec{Grants: directory("/no/such/folder")},
			refusal{codes.FailedPrecondition, "GRANT_DENIED", "/no/such/folder", ""}},
		{"memory above the maximum", "", &reactorv1.WorkloadSpec{Limits: &reactorv1.Limits{MemoryBytes: 1 << 30}}, invalid("spec.limits.memory_bytes")},
		{"module's memory above the limit", "", &reactorv1.WorkloadSpec{Module: large, Limits: &reactorv1.Limits{MemoryBytes: 1 << 20}},
			refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "2097152", "spec.limits.memory_bytes"}},
		{"invoke of a command", "", &reactorv1.WorkloadSpec{Invoke: "nonesuch"}, invalid("spec.invoke")},
		{"unknown module", "", &reactorv1.WorkloadSpec{Module: "nonesuch"}, refusal{codes.NotFound, "MODULE_NOT_FOUND", "nonesuch", ""}},
		{"id in use", "taken", &reactorv1.WorkloadSpec{Args: []string{"another"}}, refusal{codes.AlreadyExists, "WORKLOAD_EXISTS", "taken", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.spec != nil && tt.spec.Module == "" {
				tt.spec.Module = module
			}
			_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: tt.id, Spec: tt.spec})
			tt.want.check(t, err)
		})
	}
	t.Run("a module with more memory than any workload can have", func(t *testing.T) {
		_, err := d.TryPush(t.Context(), (&testkit.Program{Memory: []byte{0, 0x80, 0x80, 1}}).Bytes(""), "") // 1 GiB
		refusal{codes.ResourceExhausted, "LIMIT_EXCEEDED", "memory", ""}.check(t, err)
	})
	t.Run("all faults at once", func(t *testing.T) {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: "a/b", Spec: &reactorv1.WorkloadSpec{
			Module: module, Name: "\x00", Args: []string{"\x00"},
		}})
		for _, field := range []string{"id", "spec.name", "spec.args[0]"} {
			invalid(field).check(t, err)
		}
	})
	t.Run("a batch that is too large", func(t *testing.T) {
		_, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{
			Requests: make([]*reactorv1.SubmitWorkloadRequest, 10_001),
		})
		invalid("requests").check(t, err)
	})
}

func TestBadCalls(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, (&testkit.Program{}).Bytes(""))})
	d.WaitFor(t, id)
	busy := sleeper(t, d.Client, time.Hour)
	d.Submit(t, busy)

	notFound := refusal{codes.NotFound, "WORKLOAD_NOT_FOUND", "nonesuch", ""}
	noModule := refusal{codes.NotFound, "MODULE_NOT_FOUND", "nonesuch", ""}
	invalid := func(field string) refusal {
		return refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", field}
	}
	for _, tt := range []struct {
		name string
		call func(context.Context) error
		want refusal
	}{
		{"get", func(ctx context.Context) error {
			_, err := d.Workloads.GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: "nonesuch"})
			return err
		}, notFound},
		{"wait", func(ctx context.Context) error {
			_, err := d.Workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: "nonesuch"})
			return err
		}, notFound},
		{"logs", func(ctx context.Context) error {
			stream, err := d.Workloads.ReadLogs(ctx, &reactorv1.ReadLogsRequest{Id: "nonesuch"})
			return received(stream, err)
		}, notFound},
		{"logs of no stream", func(ctx context.Context) error {
			stream, err := d.Workloads.ReadLogs(ctx, &reactorv1.ReadLogsRequest{Id: id, Stream: 7})
			return received(stream, err)
		}, invalid("stream")},
		{"attach", func(ctx context.Context) error { return attached(ctx, d, "nonesuch") }, notFound},
		{"cancel nothing", func(ctx context.Context) error {
			_, err := d.Workloads.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{})
			return err
		}, invalid("ids")},
		{"cancel by a bad selector", func(ctx context.Context) error {
			_, err := d.Workloads.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{LabelSelector: "=="})
			return err
		}, invalid("label_selector")},
		{"list with a bad selector", func(ctx context.Context) error {
			_, err := d.Workloads.ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{LabelSelector: "=="}})
			return err
		}, invalid("filter.label_selector")},
		{"list with a bad token", func(ctx context.Context) error {
			_, err := d.Workloads.ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{PageToken: "???"})
			return err
		}, invalid("page_token")},
		{"list with a bad size", func(ctx context.Context) error {
			_, err := d.Workloads.ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{PageSize: -1})
			return err
		}, invalid("page_size")},
		{"watch from nowhere", func(ctx context.Context) error {
			stream, err := d.Workloads.WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{Cursor: "yesterday"})
			return received(stream, err)
		}, invalid("cursor")},
		{"statistics too often", func(ctx context.Context) error {
			stream, err := d.Node.WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: durationpb.New(time.Millisecond)})
			return received(stream, err)
		}, invalid("interval")},
		{"statistics never", func(ctx context.Context) error {
			stream, err := d.Node.WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: &durationpb.Duration{Seconds: math.MaxInt64}})
			return received(stream, err)
		}, refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "10,000 years", "interval"}},
		{"get module", func(ctx context.Context) error {
			_, err := d.Modules.GetModule(ctx, &reactorv1.GetModuleRequest{Module: "nonesuch"})
			return err
		}, noModule},
		{"tag module", func(ctx context.Context) error {
			_, err := d.Modules.TagModule(ctx, &reactorv1.TagModuleRequest{Module: "nonesuch", Tag: "t"})
			return err
		}, noModule},
		{"bad tag", func(ctx context.Context) error {
			_, err := d.Modules.TagModule(ctx, &reactorv1.TagModuleRequest{Module: busy.Module, Tag: "a tag"})
			return err
		}, invalid("tag")},
		{"delete module", func(ctx context.Context) error {
			_, err := d.Modules.DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: "nonesuch"})
			return err
		}, noModule},
		{"delete a module in use", func(ctx context.Context) error {
			_, err := d.Modules.DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: busy.Module})
			return err
		}, refusal{codes.FailedPrecondition, "MODULE_IN_USE", "", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
			defer cancel()
			tt.want.check(t, tt.call(ctx))
		})
	}
}

// received is the error a stream begins with, wherever it comes out.
func received[T any](stream interface{ Recv() (*T, error) }, err error) error {
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

func attached(ctx context.Context, d *testkit.Daemon, id string) error {
	stream, err := d.Workloads.AttachWorkload(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Id{Id: id}}); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// Beyond the bound, submissions are refused with the time after which to try again.
func TestQueueIsBounded(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--queue=10", "--max-live=2")
	spec := sleeper(t, d.Client, time.Hour)
	var err error
	for range 100 {
		if _, err = d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec}); err != nil {
			break
		}
	}
	refusal{codes.ResourceExhausted, "QUEUE_FULL", "", ""}.check(t, err)
	var retry *errdetails.RetryInfo
	for _, detail := range status.Convert(err).Details() {
		if r, ok := detail.(*errdetails.RetryInfo); ok {
			retry = r
		}
	}
	if retry.GetRetryDelay().AsDuration() <= 0 {
		t.Errorf("the error tells no time to retry after: %v", status.Convert(err).Details())
	}
}

// A watch cannot go on from where the changes are no longer known.
func TestCursorExpires(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	spec := sleeper(t, d.Client, time.Millisecond)
	w := watch(t, d.Client, "", nil)
	w.untilEnded(d.Submit(t, spec)) // so that the cursor is not that of an empty store, "0"
	for _, id := range d.SubmitMany(t, spec, 20) {
		d.WaitFor(t, id)
	}
	d.Stop()

	d = testkit.Start(t, dir, "--retain-count=5")
	var err error
	until(t, "the cursor expires", func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var stream reactorv1.WorkloadService_WatchWorkloadsClient
		stream, err = d.Workloads.WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{Cursor: w.cursor})
		err = received(stream, err)
		return err != nil
	})
	refusal{codes.FailedPrecondition, "CURSOR_EXPIRED", "", ""}.check(t, err)
	watch(t, d.Client, "0", nil) // which goes on from what there is
}

// raw sends bytes as a message.
type raw struct{}

func (raw) Name() string                  { return "proto" }
func (raw) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (raw) Unmarshal([]byte, any) error   { return nil }

// Bytes that are no message are the client's fault, and refused with a reason.
func TestMalformedMessage(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	for name, bytes := range map[string]string{
		"cut off":   "\x0a\x05ab",
		"not UTF-8": "\x0a\x01\xff",
	} {
		t.Run(name, func(t *testing.T) {
			err := d.Conn().Invoke(t.Context(), reactorv1.WorkloadService_GetWorkload_FullMethodName, []byte(bytes), nil, grpc.ForceCodec(raw{}))
			refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "no reactor.v1.GetWorkloadRequest", ""}.check(t, err)
		})
	}
	if strings.Contains(d.Log(), `"level":"error"`) {
		t.Errorf("the daemon logs them as faults of its own:\n%s", d.Log())
	}
}
