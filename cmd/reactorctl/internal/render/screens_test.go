package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// checkScreen compares what is printed with a file of testdata. UPDATE_SCREENS=1 writes the file.
func checkScreen(t *testing.T, name string, room int, lines []screen.Line) {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.String() + "\n")
		if room > 0 && line.Width() > room {
			t.Errorf("%s: this takes more than %d columns: %s", name, room, line)
		}
	}
	file := filepath.Join("testdata", fmt.Sprintf("%s-%d.txt", name, room))
	if os.Getenv("UPDATE_SCREENS") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(-d)) }

// workloads are some of each kind.
func workloads() []*reactorv1.Workload {
	exit := uint32(3)
	return []*reactorv1.Workload{
		{
			Id: "k8bckc5tlkc81ibsqsfr", Spec: &reactorv1.WorkloadSpec{Name: "hello"},
			Status: &reactorv1.WorkloadStatus{State: reactorv1.WorkloadState_WORKLOAD_STATE_PENDING, CreateTime: ago(3 * time.Second)},
		}, {
			Id: "k8bck5fvq01l1dtvo1lj", Spec: &reactorv1.WorkloadSpec{Name: "large"},
			Status: &reactorv1.WorkloadStatus{
				State: reactorv1.WorkloadState_WORKLOAD_STATE_PENDING, CreateTime: ago(90 * time.Second),
				Delay: &reactorv1.Delay{Reason: reactorv1.DelayReason_DELAY_REASON_NODE_MEMORY, Message: "other workloads hold the node's memory"},
			},
		}, {
			Id: "nightly-report-of-all-the-shops-in-the-north", Spec: &reactorv1.WorkloadSpec{Name: "nightly report of all the shops in the north"},
			Status: &reactorv1.WorkloadStatus{
				State: reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, CreateTime: ago(50 * time.Hour), StartTime: ago(49 * time.Hour), Attempts: 2,
				Usage: &reactorv1.Usage{CpuTime: durationpb.New(83421 * time.Second), Fuel: 208_000_000_000_000},
			},
		}, {
			Id: "k8bck5fvq01l1dtvo1lk", Spec: &reactorv1.WorkloadSpec{Name: "server", Labels: map[string]string{"app": "web", "tier": "front"}},
			Status: &reactorv1.WorkloadStatus{
				State: reactorv1.WorkloadState_WORKLOAD_STATE_WAITING, CreateTime: ago(4 * time.Hour), StartTime: ago(4 * time.Hour), Attempts: 1,
				Usage:      &reactorv1.Usage{CpuTime: durationpb.New(12345 * time.Microsecond), PeakMemoryBytes: 9 << 20},
				WaitingFor: []*reactorv1.Op{{Kind: reactorv1.OpKind_OP_KIND_ACCEPT, Target: "127.0.0.1:8080", StartTime: ago(42 * time.Second)}},
			},
		}, {
			Id: "k8bck5fvq01l1dtvo1ll", Spec: &reactorv1.WorkloadSpec{Name: "check"},
			Status: &reactorv1.WorkloadStatus{
				State: reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, Reason: reactorv1.EndReason_END_REASON_EXIT, ExitCode: &exit,
				CreateTime: ago(20 * time.Minute), Usage: &reactorv1.Usage{CpuTime: durationpb.New(420 * time.Microsecond)},
			},
		}, {
			Id: "k8bck5fvq01l1dtvo1lm", Spec: &reactorv1.WorkloadSpec{Name: "deep"},
			Status: &reactorv1.WorkloadStatus{
				State: reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, Reason: reactorv1.EndReason_END_REASON_STACK_OVERFLOW, CreateTime: ago(20 * 24 * time.Hour),
			},
		}, {
			Id: "k8bck5fvq01l1dtvo1ln", Spec: &reactorv1.WorkloadSpec{Name: "shop"}, Status: denied().GetStatus(),
		},
	}
}

func TestWorkloadsScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		for _, room := range []int{40, 80, 200} {
			list := Workloads(workloads(), false)
			checkScreen(t, "list", room, table.Lines(list.Columns, list.Rows, room))
		}
		wide := Workloads(workloads(), true)
		checkScreen(t, "list-wide", 0, table.Lines(wide.Columns, wide.Rows, 0))
	})
}

// crashed is a workload with all there is to say about one.
func crashed() *reactorv1.Workload {
	return &reactorv1.Workload{
		Id: "k8bck5fvq01l1dtvo1lj",
		Spec: &reactorv1.WorkloadSpec{
			Module: "sha256:9b5afcaf4007a42d0d7da9a9e20586d021cca15dab334df27635af3d6b33ed08", Name: "shop", Args: []string{"--shop", "north east", "it's", ""},
			Env: map[string]string{"LANG": "C", "TOKEN": "x\ny"}, Stdin: make([]byte, 3<<10), Interactive: true, Labels: map[string]string{"app": "shop"},
			Grants: []*reactorv1.Grant{
				{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: "/srv/shop", GuestPath: "/data", ReadOnly: true}}},
				{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: "127.0.0.1:0"}}},
				{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: "db:5432"}}},
			},
			Limits: &reactorv1.Limits{MemoryBytes: 16 << 20, Fuel: 1e9, StackBytes: 8 << 20, LogBytes: 1 << 20, Descriptors: 256, PendingOps: 1024, Timeout: durationpb.New(time.Minute)},
		},
		Status: &reactorv1.WorkloadStatus{
			State: reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, Reason: reactorv1.EndReason_END_REASON_TRAP, Attempts: 1,
			Message:    "the guest gave up (unreachable), probably since memory.grow to 17 MiB was refused: its limit is 16 MiB",
			CreateTime: ago(200 * time.Second), StartTime: ago(199 * time.Second), EndTime: ago(9 * time.Second),
			ListenAddresses: []string{"127.0.0.1:41234"},
			Usage: &reactorv1.Usage{
				Fuel: 812_345_678, CpuTime: durationpb.New(321 * time.Millisecond), WaitingTime: durationpb.New(189 * time.Second),
				PeakMemoryBytes: 16 << 20, LogBytes: 5 << 20, LogBytesDropped: 4 << 20, ReadyTime: durationpb.New(1234 * time.Microsecond),
				Waits: []*reactorv1.WaitUsage{
					{Kind: reactorv1.OpKind_OP_KIND_TIMER, Time: durationpb.New(188 * time.Second), Count: 1234}, {Kind: reactorv1.OpKind_OP_KIND_FILE, Time: durationpb.New(time.Second), Count: 1},
				},
			},
			Crash: &reactorv1.Crash{Trap: "unreachable", Frames: []*reactorv1.StackFrame{{Function: "abort"}, {Function: "shop::Basket::add"}, {FunctionIndex: 7, CodeOffset: 419}}},
		},
	}
}

// denied is a workload whose guest never ran, though its start took some time.
func denied() *reactorv1.Workload {
	w := crashed()
	w.Status = &reactorv1.WorkloadStatus{
		State: reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, Reason: reactorv1.EndReason_END_REASON_GRANT_DENIED, Attempts: 1,
		Message:    `connection to "db:5432": connection refused`,
		CreateTime: ago(200 * time.Second), StartTime: ago(199 * time.Second), EndTime: ago(199 * time.Second),
		Usage: &reactorv1.Usage{Fuel: 223_985, CpuTime: durationpb.New(161 * time.Microsecond), WaitingTime: durationpb.New(99 * time.Microsecond)},
	}
	return w
}

// joined is a workload in the middle of a chain.
func joined() *reactorv1.Workload {
	w := workloads()[3]
	w.Id, w.Spec.Labels = "grep-3n5q0x1y2z-1", map[string]string{"chain": "grep-3n5q0x1y2z"}
	w.Spec.StdinFrom, w.Spec.StdoutTo = "grep-3n5q0x1y2z-0", "grep-3n5q0x1y2z-2"
	w.Status.WaitingFor = []*reactorv1.Op{{Kind: reactorv1.OpKind_OP_KIND_READ, Target: "workload grep-3n5q0x1y2z-0", StartTime: ago(42 * time.Second)}}
	return w
}

func TestWorkloadScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := time.Local
		time.Local = time.UTC
		defer func() { time.Local = local }()
		for _, room := range []int{80, 200} {
			checkScreen(t, "status", room, Workload(crashed(), "connect db:5432 and 2 others; see `reactorctl grants k8bck5fvq01l1dtvo1lj`", room))
			checkScreen(t, "status-denied", room, Workload(denied(), "", room))
			checkScreen(t, "status-waiting", room, Workload(workloads()[3], "", room))
			checkScreen(t, "status-chain", room, Workload(joined(), "", room))
		}
	})
}

func TestOpsScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ops := []*reactorv1.Op{
			{WorkloadId: "k8bck5fvq01l1dtvo1lj", Kind: reactorv1.OpKind_OP_KIND_ACCEPT, Target: "127.0.0.1:8080", StartTime: ago(4 * time.Hour)},
			{WorkloadId: "k8bck5fvq01l1dtvo1lk", Kind: reactorv1.OpKind_OP_KIND_TIMER, StartTime: ago(time.Second), Deadline: ago(-90 * time.Minute)},
			{WorkloadId: "k8bck5fvq01l1dtvo1ll", Kind: reactorv1.OpKind_OP_KIND_FILE, Target: "/data/a/rather/long/path/to/some/file.txt", Bytes: 65536, StartTime: ago(0)},
			{
				WorkloadId: "k8bck5fvq01l1dtvo1lm", Kind: reactorv1.OpKind_OP_KIND_READ, Target: "10.0.0.7:5432", Grant: "--connect db=10.0.0.7:5432",
				Bytes: 65536, Transferred: 123_456_789, StartTime: ago(12 * time.Second), Deadline: ago(-2 * time.Minute),
			},
		}
		list := Ops(ops, true)
		checkScreen(t, "ops", 80, table.Lines(list.Columns, list.Rows, 80))
		checkScreen(t, "ops", 200, table.Lines(list.Columns, list.Rows, 200))
		of := Ops(ops[3:], false)
		checkScreen(t, "ops-of", 80, table.Lines(of.Columns, of.Rows, 80))
		waits := Ops([]*reactorv1.Op{{
			WorkloadId: "k8bck5fvq01l1dtvo1ln", Kind: reactorv1.OpKind_OP_KIND_CONNECT, Target: "workload shop/db", Grant: "--connect db=workload:shop/db",
			StartTime: ago(3 * time.Second), Deadline: ago(-27 * time.Second), Reason: `workload shop has no listener "db" for other workloads`,
		}}, true)
		asks := Ops([]*reactorv1.Op{{
			Kind: reactorv1.OpKind_OP_KIND_HTTP, Target: "GET http://127.0.0.1:9000/items", Peer: "shop", Grant: "--http http://127.0.0.1:9000",
			StartTime: ago(3 * time.Second),
		}}, false)
		checkScreen(t, "ops-peer", 200, table.Lines(asks.Columns, asks.Rows, 200))
		checkScreen(t, "ops-reason", 80, table.Lines(waits.Columns, waits.Rows, 80))
		checkScreen(t, "ops-reason", 200, table.Lines(waits.Columns, waits.Rows, 200))
	})
}

func TestOpsSummaryScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		summary := &reactorv1.SummarizeOpsResponse{Others: 12, Waiting: 49_614, Stuck: 2}
		for kind := range reactorv1.OpKind(len(reactorv1.OpKind_name)) {
			summary.Groups = append(summary.Groups, &reactorv1.OpGroup{
				Kind: kind, Target: "10.0.0.7:443", Count: 41_203 / uint64(kind+1), OldestStartTime: ago(192 * time.Second), OldestWorkloadId: "k8bck5fvq01l1dtvo1lj",
			})
		}
		for _, kind := range []reactorv1.OpKind{reactorv1.OpKind_OP_KIND_TIMER, reactorv1.OpKind_OP_KIND_READ, reactorv1.OpKind_OP_KIND_WRITE} {
			summary.Groups = append(summary.Groups, &reactorv1.OpGroup{Kind: kind, Count: 1, OldestStartTime: ago(0), OldestWorkloadId: "w"})
		}
		for _, peers := range [][]string{{"shop"}, {"db", "mail", "shop", "web"}} {
			for _, target := range []string{"", "http://10.0.0.7/"} {
				summary.Groups = append(summary.Groups, &reactorv1.OpGroup{Kind: reactorv1.OpKind_OP_KIND_HTTP, Target: target, Count: 1, OldestStartTime: ago(0), OldestWorkloadId: "w", Peers: peers})
			}
		}
		summary.Groups = append(summary.Groups, &reactorv1.OpGroup{Kind: reactorv1.OpKind_OP_KIND_CALL, Target: "workload db a:b/c#f", Count: 1, OldestStartTime: ago(0), OldestWorkloadId: "w", Peers: []string{"db"}})
		list := OpGroups(summary)
		lines := table.Lines(list.Columns, list.Rows, 80)
		for _, text := range append(OpTotals(summary), OpTotals(&reactorv1.SummarizeOpsResponse{Waiting: 1, Stuck: 1})...) {
			lines = append(lines, screen.Line{{Text: text}})
		}
		checkScreen(t, "ops-summary", 80, lines)
	})
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 999 * time.Millisecond: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 200 * time.Second: "3m20s",
		59 * time.Minute: "59m", 179 * time.Minute: "179m", 3 * time.Hour: "3h", 5*time.Hour + 7*time.Minute: "5h7m", 47 * time.Hour: "47h",
		50 * time.Hour: "2d2h", 48 * time.Hour: "2d", 20 * 24 * time.Hour: "20d",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestNodeScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := &reactorv1.Stats{
			Pending: 3, Running: 12, Waiting: 49_614, WaitingPeak: 50_000, Submitted: 120_000, Succeeded: 70_000, Failed: 371,
			Resumes: 1_234_567, Preemptions: 890, BusyTime: durationpb.New(93 * time.Minute),
			ReadySeconds: 12.345, WaitingSeconds: 100_000 * 400 * 86_400, Descriptors: 9312, MaxDescriptors: 786_432,
			Waits: []*reactorv1.NodeWait{
				{Kind: reactorv1.OpKind_OP_KIND_TIMER, Seconds: 99_999 * 400 * 86_400, Count: 41_203},
				{Kind: reactorv1.OpKind_OP_KIND_READ, Seconds: 1.5, Count: 1},
				{Kind: reactorv1.OpKind_OP_KIND_ACCEPT, Seconds: 47 * 3600},
			},
		}
		for _, room := range []int{80, 200} {
			checkScreen(t, "node", room, Stats(stats, room))
			checkScreen(t, "node-before", room, Stats(&reactorv1.Stats{Running: 1}, room))
		}
	})
}
