package attack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestModuleHeals: a module whose file decays is mended by pushing it again, in use or not. What was
// to run waits for that.
func TestModuleHeals(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	binary := paddedProgram('a', 10_000)
	module := d.Push(t, binary)
	d.Kill()
	path := filepath.Join(dir, "store", "modules", "blobs", strings.TrimPrefix(module, "sha256:"))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2]++
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	d = testkit.Start(t, dir)
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module})
	for d.Status(t, id).GetDelay() == nil {
		if state := d.Status(t, id).GetState(); state > reactorv1.WorkloadState_WORKLOAD_STATE_WAITING {
			t.Fatalf("it ended: %v", d.Status(t, id))
		}
	}
	if result, err := d.TryPush(t.Context(), binary, ""); err != nil || result.GetExisted() {
		t.Fatalf("pushing it again: %v, %v", result, err)
	}
	if got := d.WaitFor(t, id); got.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.Errorf("it ended as %v", got)
	}
}

// TestDamagedDatabase: a daemon does not start on a database that was cut short, says what to do, and
// starts when that was done.
func TestDamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	spec := &reactorv1.WorkloadSpec{Module: d.Push(t, paddedProgram('a', 10_000))}
	d.WaitFor(t, d.SubmitMany(t, spec, 200)[199])
	d.Stop()
	path := filepath.Join(dir, "store", "store.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-8192); err != nil {
		t.Fatal(err)
	}
	reactord := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append(args, "--data-dir="+dir)...).CombinedOutput()
		return string(out), err
	}
	if out, err := reactord("serve", "--listen=unix://"+filepath.Join(dir, "socket")); err == nil || !strings.Contains(out, "reactord store salvage") {
		t.Fatalf("the daemon says %q, %v", out, err)
	}
	if out, err := reactord("store", "check"); err == nil || !strings.Contains(out, "readable") {
		t.Errorf("check of a damaged store says %q, %v", out, err)
	}
	if out, err := reactord("store", "salvage"); err != nil || !strings.Contains(out, "store.db.damaged-") {
		t.Fatalf("salvage says %q, %v", out, err)
	}
	if out, err := reactord("store", "check"); err != nil {
		t.Errorf("check of what was salvaged says %q, %v", out, err)
	}
	d = testkit.Start(t, dir)
	d.Run(t, &reactorv1.WorkloadSpec{Module: d.Push(t, paddedProgram('a', 10_000))})
}

// median is the median time that call takes.
func median(t *testing.T, call func()) time.Duration {
	t.Helper()
	times := make([]time.Duration, 9)
	for i := range times {
		began := time.Now()
		call()
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// loud starts guests that print 2 GiB each, of which they may keep logBytes.
func loud(t *testing.T, d *testkit.Daemon, guests int, logBytes uint64) []string {
	t.Helper()
	return d.SubmitMany(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, guestOf(t, "output")),
		Limits: &reactorv1.Limits{LogBytes: logBytes},
	}, guests)
}

// TestLoudNeighbours: others come to their end beside guests that print as fast as they can, and are delayed by a
// small multiple.
func TestLoudNeighbours(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	quiet := &reactorv1.WorkloadSpec{Module: d.Push(t, paddedProgram('q', 10))}
	alone := median(t, func() { d.Run(t, quiet) })
	ids := loud(t, d, 6, 256<<20)
	for _, id := range ids {
		untilStarted(t, d, id)
	}
	beside := median(t, func() { d.Run(t, quiet) })
	t.Logf("submit and wait takes %v beside guests that print, %v alone", beside, alone)
	if most := 20*alone + 100*time.Millisecond; figures && beside > most {
		t.Errorf("that is more than %v", most)
	}
	d.Cancel(t, ids...)
}

// TestStoreSize: however much guests print, the store keeps within its size; they are not held up, and
// work is taken again.
func TestStoreSize(t *testing.T) {
	dir := t.TempDir()
	const size, guests = 32 << 20, 3
	d := testkit.Start(t, dir, "--store-size=32MiB")
	quiet := &reactorv1.WorkloadSpec{Module: d.Push(t, paddedProgram('q', 10))}
	told := 0
	for _, id := range loud(t, d, guests, 256<<20) {
		response, err := d.Workloads.WaitWorkload(t.Context(), &reactorv1.WaitWorkloadRequest{Id: id})
		if status.Code(err) == codes.NotFound {
			continue // it has ended and made room for the others
		}
		if err != nil {
			t.Fatal(err)
		}
		told++
		status := response.GetWorkload().GetStatus()
		if status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || status.GetUsage().GetLogBytesDropped() == 0 {
			t.Errorf("a guest that prints ended as %v", status)
		}
	}
	if told == 0 {
		t.Error("nothing is known of any of them")
	}
	info, err := os.Stat(filepath.Join(dir, "store", "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > size {
		t.Errorf("the store takes %d bytes, its size is %d", info.Size(), size)
	}
	deadline := time.Now().Add(testkit.Patience)
	for {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: quiet})
		if err == nil {
			break
		}
		if status.Code(err) != codes.ResourceExhausted || time.Now().After(deadline) {
			t.Fatalf("submitting afterwards: %v", err)
		}
	}
	// It may be told again of each guest whose log made room when it had ended.
	if n := strings.Count(d.Log(), "the store takes no output"); n > guests {
		t.Errorf("the log says %d times that the store takes no output", n)
	}
}

// TestLongTails: clients that look for what is not in a long log do not delay those that ask for little.
func TestLongTails(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	quiet := &reactorv1.WorkloadSpec{Module: d.Push(t, paddedProgram('q', 10))}
	long := loud(t, d, 1, 64<<20)[0]
	d.WaitFor(t, long)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 12 {
		c, lines := d.Another(t), uint32(1<<32-1)
		go func() {
			for ctx.Err() == nil {
				stream, err := c.Workloads.ReadLogs(ctx, &reactorv1.ReadLogsRequest{
					Id: long, TailLines: &lines, Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDERR,
				})
				for err == nil {
					_, err = stream.Recv()
				}
				if !errors.Is(err, io.EOF) {
					return
				}
			}
		}()
	}
	get, run := median(t, func() { d.Status(t, long) }), median(t, func() { d.Run(t, quiet) })
	t.Logf("to get a workload takes %v, submit and wait %v", get, run)
	if figures && (get > 200*time.Millisecond || run > 500*time.Millisecond) {
		t.Error("that is more than 200 ms, or 500 ms")
	}
}
