package attack

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// paddedProgram is a module that prints, with padding that makes it unlike others of its kind.
func paddedProgram(padding byte, size int) []byte {
	return (&testkit.Program{}).Bytes(string(bytes.Repeat([]byte{padding}, size)))
}

// holdPush opens a push, sends the beginning of it and leaves it open until the test ends.
func holdPush(t *testing.T, c testkit.Client, header *reactorv1.PushModuleHeader, beginning []byte) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	stream, err := c.Modules.PushModule(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Header{Header: header}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if len(beginning) == 0 {
		return
	}
	if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: beginning}}); err != nil {
		t.Fatal(err)
	}
}

// TestPushSquat: pushes that are held open keep nobody from pushing, neither the same digest nor,
// by the sizes they announce, any other.
func TestPushSquat(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--module-store=1GiB")
	binary := paddedProgram('a', 2<<20)
	header := &reactorv1.PushModuleHeader{Digest: testkit.Digest(binary), SizeBytes: uint64(len(binary))}
	holdPush(t, d.Client, header, nil)
	holdPush(t, d.Client, header, binary[:1<<20])
	for i := range byte(8) {
		holdPush(t, d.Client, &reactorv1.PushModuleHeader{Digest: testkit.Digest([]byte{i}), SizeBytes: 256 << 20}, nil)
	}
	if result, err := d.TryPush(t.Context(), binary, ""); err != nil || result.GetExisted() {
		t.Errorf("pushing what others hold open: %v, %v", result, err)
	}
	d.Push(t, paddedProgram('b', 3<<20))
}

// TestPushWrongBeginning: what somebody else has left of a digest is not taken for a beginning of it.
func TestPushWrongBeginning(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary := paddedProgram('a', 2<<20)
	wrong := bytes.Clone(binary)
	wrong[100]++
	header := &reactorv1.PushModuleHeader{Digest: testkit.Digest(binary), SizeBytes: uint64(len(binary))}
	for _, left := range [][]byte{wrong[:1<<20], wrong[:1000], wrong[:len(wrong)-1]} {
		if _, err := d.Another(t).PushAs(t.Context(), header, left); status.Code(err) != codes.InvalidArgument {
			t.Fatalf("a push that ends too early: %v", err)
		}
	}
	if result, err := d.Another(t).TryPush(t.Context(), binary, ""); err != nil || result.GetExisted() {
		t.Errorf("pushing after a wrong beginning: %v, %v", result, err)
	}
}
