package attack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// beyondGuests is what docs/security.md and docs/benchmarks.md promise of the daemon's memory.
	beyondGuests = 1 << 30
	// prompt bounds a small call's p99 beside a flood, on a machine that may have much else to do. With
	// nothing else to do it is below 100 ms.
	prompt = 10 * time.Second
)

// flood is what clients do until its context ends.
type flood struct {
	name string
	run  func(ctx context.Context, f target)
}

// target is the daemon and what floods need to know of it.
type target struct {
	addr   string
	module string // of a short workload
	log    string // the workload that has written a long log
}

// floodVariable makes the test binary a process that floods: it names the flood and the target, so that
// what is measured beside it waits for the daemon, not for the flood's own goroutines.
const floodVariable = "REACTORD_ATTACK_FLOOD"

// runFlood floods until the process is killed.
func runFlood(args []string) int {
	f := target{args[1], args[2], args[3]}
	fmt.Println(begun)
	var all sync.WaitGroup
	for _, flood := range floods {
		if args[0] == flood.name || args[0] == everything {
			all.Go(func() { flood.run(context.Background(), f) })
		}
	}
	all.Wait()
	return 1
}

const everything = "all at once"

// begun is what a process says that floods from now on.
const begun = "begun"

var floods = []flood{
	{"nothing", func(ctx context.Context, _ target) { <-ctx.Done() }},
	{"large headers", func(ctx context.Context, f target) {
		junk := strings.Repeat("x", 4<<20)
		each(ctx, 8, func(int) error {
			c, err := dialRaw(ctx, f.addr)
			for range 10 {
				if err == nil {
					_, err = c.open(reactorv1.WorkloadService_WatchWorkloads_FullMethodName, junk)
				}
			}
			return err
		})
	}},
	{"headers as large as are taken", func(ctx context.Context, f target) {
		junk := strings.Repeat("x", 7<<10)
		unread(ctx, f, 40, 256, func(c *rawClient) error {
			_, err := c.open(reactorv1.WorkloadService_AttachWorkload_FullMethodName, junk)
			return err
		})
	}},
	{"large batches", func(ctx context.Context, f target) {
		batch := &reactorv1.SubmitWorkloadsRequest{}
		for range 7 {
			spec := f.short()
			spec.Stdin = make([]byte, 2<<20)
			batch.Requests = append(batch.Requests, &reactorv1.SubmitWorkloadRequest{Spec: spec})
		}
		calls(ctx, f, 32, reactorv1.WorkloadService_SubmitWorkloads_FullMethodName, batch)
	}},
	{"millions of nothing", func(ctx context.Context, f target) {
		calls(ctx, f, 16, reactorv1.WorkloadService_SubmitWorkloads_FullMethodName, encoded(slices.Repeat([]byte{0x0a, 0}, 8_000_000)))
	}},
	{"unknown fields in small calls", func(ctx context.Context, f target) {
		junk := append([]byte{0xfa, 0x7f, 0x80, 0x80, 0x80, 0x06}, make([]byte, 12<<20)...) // field 2047
		calls(ctx, f, 16, reactorv1.NodeService_GetNode_FullMethodName, encoded(junk))
	}},
	{"messages that stay incomplete", func(ctx context.Context, f target) {
		part := make([]byte, 16<<10)
		unread(ctx, f, 64, 200, func(c *rawClient) error {
			id, err := c.open(reactorv1.WorkloadService_SubmitWorkload_FullMethodName, "")
			if err == nil {
				err = c.WriteData(id, false, framed(part[:16<<10-5], 16<<20))
			}
			for range 3 {
				if err == nil {
					err = c.WriteData(id, false, part)
				}
			}
			return err
		})
	}},
	{"lists that nobody reads", func(ctx context.Context, f target) {
		unread(ctx, f, 8, 500, func(c *rawClient) error {
			return c.call(reactorv1.WorkloadService_ListWorkloads_FullMethodName, &reactorv1.ListWorkloadsRequest{PageSize: 1000})
		})
	}},
	{"logs that nobody reads", func(ctx context.Context, f target) {
		unread(ctx, f, 16, 250, func(c *rawClient) error {
			return c.call(reactorv1.WorkloadService_ReadLogs_FullMethodName, &reactorv1.ReadLogsRequest{Id: f.log, Follow: true})
		})
	}},
	{"watches that nobody reads", func(ctx context.Context, f target) {
		unread(ctx, f, 40, 256, func(c *rawClient) error {
			return c.call(reactorv1.WorkloadService_WatchWorkloads_FullMethodName, &reactorv1.WatchWorkloadsRequest{Cursor: "0"})
		})
	}},
	{"watches opened and cancelled", func(ctx context.Context, f target) {
		each(ctx, 64, func(int) error {
			c, err := dialRaw(ctx, f.addr)
			for err == nil {
				if err = c.call(reactorv1.WorkloadService_WatchWorkloads_FullMethodName, &reactorv1.WatchWorkloadsRequest{}); err == nil {
					err = c.WriteRSTStream(c.stream-2, 8)
				}
			}
			return err
		})
	}},
	{"connections that say nothing", func(ctx context.Context, f target) {
		each(ctx, 1500, func(int) error {
			c, err := dialRaw(ctx, f.addr)
			if err == nil {
				_, err = io.Copy(io.Discard, c.conn) // until it is closed
			}
			return err
		})
	}},
}

// unread has n connections make a number of calls each, and read nothing of what they are told.
func unread(ctx context.Context, f target, n, count int, call func(*rawClient) error) {
	each(ctx, n, func(int) error {
		c, err := dialRaw(ctx, f.addr)
		for range count {
			if err == nil {
				err = call(c)
			}
		}
		if err == nil {
			<-ctx.Done()
		}
		return err
	})
}

// encoded is a message that is sent as it is.
type encoded []byte

// asIs sends what is encoded already.
type asIs struct{ encoding.Codec }

func (c asIs) Marshal(v any) ([]byte, error) {
	if b, ok := v.(encoded); ok {
		return b, nil
	}
	return proto.Marshal(v.(proto.Message))
}
func (asIs) Unmarshal([]byte, any) error { return nil }
func (asIs) Name() string                { return "proto" }

// calls has n clients make the same call again and again.
func calls(ctx context.Context, f target, n int, method string, m any) {
	conns := make([]*grpc.ClientConn, n)
	for i := range conns {
		conn, err := grpc.NewClient(f.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(asIs{})))
		if err != nil {
			panic(err) // the address is no address
		}
		conns[i] = conn
	}
	each(ctx, n, func(i int) error { return conns[i].Invoke(ctx, method, m, new(encoded)) })
}

// short is a workload that ends at once.
func (f target) short() *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{Module: f.module, Args: []string{"1", "1"}}
}

// TestInFlight: whatever clients have in flight, somebody else's small calls are answered; promptly, and the daemon stays
// within its memory beyond guests, if figures are held.
func TestInFlight(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads procfs")
	}
	d := testkit.Start(t, t.TempDir())
	f := target{addr: d.Address, module: d.Push(t, examples.Sleeper), log: longLog(t, d)}
	large := f.short()
	large.Stdin = make([]byte, 1_400_000)
	for range 2 {
		d.WaitFor(t, d.Submit(t, large))
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) { stands(t, d, f, flood.name) })
	}
	t.Run(everything, func(t *testing.T) { stands(t, d, f, everything) })
}

// longLog runs a workload that writes a megabyte, and returns its id.
func longLog(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	writer := &testkit.Program{}
	write := writer.Import("wasi_snapshot_preview1", "fd_write", "iiii", true)
	writer.Store(0, "\x40\x00\x00\x00\x00\x80\x00\x00") // 32 KiB at 64
	for range 30 {
		writer.Call(write, 1, 0, 1, 60_000)
	}
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, writer.Bytes(""))})
	d.WaitFor(t, id)
	return id
}

// floodTime is for how long a flood goes on. Most of the memory it can take it has after half a second.
func floodTime(flood string) time.Duration {
	switch {
	case all:
		return 10 * time.Second
	case flood == everything:
		return 1500 * time.Millisecond
	}
	return 500 * time.Millisecond
}

// stands floods the daemon for a moment and looks at it meanwhile.
func stands(t *testing.T, d *testkit.Daemon, f target, flood string) {
	forgetPeak(t, d)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), floodVariable+"="+strings.Join([]string{flood, f.addr, f.module, f.log}, "\n"))
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it has harmed enough
		_ = cmd.Wait()
	}()
	if _, err := io.ReadFull(said, make([]byte, len(begun))); err != nil {
		t.Fatalf("the flood does not begin: %v", err)
	}
	var took []time.Duration
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for begin := time.Now(); len(took) == 0 || time.Since(begin) < floodTime(flood); <-pause.C {
		start := time.Now()
		smallCall(t, d, f)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	p99, most := took[len(took)*99/100], peak(t, d)
	t.Logf("peak %d MiB, %d small calls: p50 %v, p99 %v", most>>20, len(took), took[len(took)/2].Round(time.Millisecond), p99.Round(time.Millisecond))
	if figures && most > beyondGuests {
		t.Errorf("the daemon took %d MiB, more than the %d promised", most>>20, beyondGuests>>20)
	}
	if figures && p99 > prompt {
		t.Errorf("small calls took %v at p99", p99)
	}
}

// smallCall submits a workload, as a client does that tries again when it is told to, or has lost its connection.
func smallCall(t *testing.T, d *testkit.Daemon, f target) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); ; {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: f.short()})
		if err == nil {
			return
		}
		retry := retryOf(err)
		if retry == 0 && status.Code(err) != codes.Unavailable || time.Now().After(deadline) {
			t.Fatalf("a small call of another client: %v", err)
		}
		<-time.After(max(retry, 10*time.Millisecond))
	}
}

// forgetPeak makes the peak of the daemon's resident memory what it is now (proc_pid_clear_refs(5)).
func forgetPeak(t *testing.T, d *testkit.Daemon) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", d.PID), []byte("5"), 0); err != nil {
		t.Logf("peaks are of the whole test: %v", err)
	}
}

// peak is the most memory the daemon had resident.
func peak(t *testing.T, d *testkit.Daemon) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID))
	if err != nil {
		t.Fatalf("the daemon has ended: %v\n%s", err, d.Log())
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("procfs has no VmHWM")
	return 0
}
