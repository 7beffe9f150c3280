package integration

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestModules(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	result, err := d.TryPush(t.Context(), examples.Sleeper, "sleeper:v1")
	if err != nil {
		t.Fatal(err)
	}
	m := result.GetModule()
	if result.GetExisted() || m.GetDigest() != testkit.Digest(examples.Sleeper) || m.GetSizeBytes() != uint64(len(examples.Sleeper)) ||
		m.GetKind() != reactorv1.ModuleKind_MODULE_KIND_WASI_COMMAND || m.GetFunctionCount() == 0 ||
		m.GetMemory().GetMinBytes() != 64<<10 || m.GetMemory().GetMaxBytes() != 64<<10 {
		t.Errorf("the module is %v", result)
	}
	poll := slices.IndexFunc(m.GetImports(), func(i *reactorv1.ModuleImport) bool { return i.GetName() == "poll_oneoff" })
	if poll < 0 || m.GetImports()[poll].GetType() != "(func (param i32 i32 i32 i32) (result i32))" {
		t.Errorf("imports are %v", m.GetImports())
	}
	hog := d.Push(t, examples.Hog)
	if _, err := d.Modules.TagModule(t.Context(), &reactorv1.TagModuleRequest{Module: hog, Tag: "sleeper:v1"}); err != nil {
		t.Fatal(err)
	}
	list, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	tags := make(map[string][]string)
	for _, m := range list.GetModules() {
		tags[m.GetDigest()] = m.GetTags()
	}
	want := map[string][]string{hog: {"sleeper:v1"}, m.GetDigest(): nil}
	if diff := cmp.Diff(want, tags); diff != "" {
		t.Errorf("tags after one was moved (-want +got):\n%s", diff)
	}
	if _, err := d.Modules.DeleteModule(t.Context(), &reactorv1.DeleteModuleRequest{Module: "sleeper:v1"}); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"sleeper:v1", hog} {
		if _, err := d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: gone}); status.Code(err) != codes.NotFound {
			t.Errorf("%s after it was deleted: %v", gone, err)
		}
	}
	if s := d.Run(t, &reactorv1.WorkloadSpec{Module: m.GetDigest(), Args: []string{"1", "1"}}); s.GetState() != succeeded {
		t.Errorf("the other one: %v", s)
	}
}

// A push that broke off goes on where it was, and a module that is there is not sent again.
func TestPushResumes(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary := (&testkit.Program{}).Bytes(strings.Repeat("padding ", 400<<10))
	header := &reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Header{
		Header: &reactorv1.PushModuleHeader{Digest: testkit.Digest(binary), SizeBytes: uint64(len(binary))},
	}}
	// begin opens a push and tells the offset to go on from.
	begin := func(ctx context.Context) (stream reactorv1.ModuleService_PushModuleClient, offset uint64) {
		stream, err := d.Modules.PushModule(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(header); err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return stream, resp.GetOffset()
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, offset := begin(ctx)
	if offset != 0 {
		t.Errorf("a new module begins at %d", offset)
	}
	const part = 1 << 20
	if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: binary[:part]}}); err != nil {
		t.Fatal(err)
	}
	// The half-close makes sure that the chunk was seen before the push ends.
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a push that ends too early: %v, want INVALID_ARGUMENT", err)
	}
	cancel()
	ctx, cancel = context.WithCancel(t.Context())
	if _, offset = begin(ctx); offset != part {
		t.Errorf("it goes on from %d, want %d", offset, part)
	}
	cancel()
	var result *reactorv1.PushModuleResult
	until(t, "the push that broke off has ended", func() (ended bool) {
		var err error
		result, err = d.TryPush(t.Context(), binary, "")
		return err == nil
	})
	if result.GetExisted() || result.GetModule().GetSizeBytes() != uint64(len(binary)) {
		t.Errorf("the result is %v", result)
	}
	result, err := d.TryPush(t.Context(), binary, "")
	if err != nil || !result.GetExisted() {
		t.Errorf("pushed again: %v, %v", result, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if _, offset := begin(ctx); offset != uint64(len(binary)) {
		t.Errorf("what is there goes on from %d, want its size, %d", offset, len(binary))
	}
}

func TestInvoke(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, assembled(t, "adder"))
	s := d.Run(t, &reactorv1.WorkloadSpec{Module: module, Invoke: "add", Args: []string{"-1", "30000000000"}})
	if s.GetState() != succeeded || len(s.GetResults()) != 1 || s.GetResults()[0] != "30000000999" {
		t.Errorf("status is %v", s)
	}
	_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: module}})
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "spec.invoke"}.check(t, err)
	_, err = d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: module, Invoke: "subtract"}})
	refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "subtract", "spec.invoke"}.check(t, err)
}
