package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// benchmarkWaitingGo measures what a Go program costs that waits. Beside it is what one costs in Wasmtime, if its Python
// package is installed for the interpreter that WASMTIME_PYTHON names, or python3.
func benchmarkWaitingGo(b *testing.B) {
	binary := testkit.GoGuest(b, "testdata/gosleeper")
	for b.Loop() {
		waitingMany(b, func(d *testkit.Daemon) *reactorv1.WorkloadSpec {
			return &reactorv1.WorkloadSpec{Module: d.Push(b, binary)}
		})
		if other, ok := waitingInWasmtime(b, binary); ok {
			b.ReportMetric(mebibytes(other), "wasmtime-MiB/guest")
		}
	}
}

// benchmarkWaitingSnapshot measures what a Go library costs that waits in an export of its snapshot.
func benchmarkWaitingSnapshot(b *testing.B) {
	binary := testkit.GoLibrary(b, "testdata/golibrary")
	for b.Loop() {
		waitingMany(b, func(d *testkit.Daemon) *reactorv1.WorkloadSpec {
			return &reactorv1.WorkloadSpec{Module: snapshotOf(b, d, binary), Invoke: "hold"}
		})
	}
}

// snapshotOf returns the digest of the snapshot of a Go library.
func snapshotOf(b *testing.B, d *testkit.Daemon, binary []byte) string {
	b.Helper()
	made, err := d.Modules.SnapshotModule(b.Context(), &reactorv1.SnapshotModuleRequest{
		Module: d.Push(b, binary), AllowClock: true, AllowRandom: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	return made.GetModule().GetDigest()
}

// waitingMany measures what a thousand guests cost that wait, submitted through the API. Pages that guests share count once.
func waitingMany(b *testing.B, specOf func(*testkit.Daemon) *reactorv1.WorkloadSpec) {
	b.Helper()
	const guests = 1000
	d := testkit.Start(b, b.TempDir(), "--node-memory=16GiB")
	spec := specOf(d)
	spec.Labels = map[string]string{"bench": "waiting"}
	d.Submit(b, spec)
	await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting() == 1 })
	settle(b, d)
	before := proportional(b, d.PID)
	d.SubmitMany(b, spec, guests)
	await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting() == guests+1 })
	settle(b, d)
	used := proportional(b, d.PID)
	b.ReportMetric(mebibytes(used-before)/guests, "MiB/guest")
	b.ReportMetric(mebibytes(used), "MiB")
	b.ReportMetric(mebibytes(d.Stats(b).GetResidentBytes()), "stats-MiB")
	empty(b, d)
	d.Stop()
}

func mebibytes(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

// proportional returns a process's memory, in which a page counts once however often it is mapped (proc_pid_smaps(5)).
func proportional(b *testing.B, pid int) uint64 {
	b.Helper()
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(rollup)) {
		if name, value, _ := strings.Cut(line, ":"); name == "Pss" {
			return kibibytes(b, value)
		}
	}
	b.Fatal("no Pss in smaps_rollup")
	return 0
}

// waitingInWasmtime returns what a waiting guest costs in Wasmtime; ok is false if that is not installed.
func waitingInWasmtime(b *testing.B, binary []byte) (bytes uint64, ok bool) {
	b.Helper()
	python, ok := wasmtimePython(b)
	if !ok {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	module := filepath.Join(b.TempDir(), "guest.wasm")
	if err := os.WriteFile(module, binary, 0o600); err != nil {
		b.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, python, "testdata/wasmtime_waiting.py", module, "300").CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	bytes, err = strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return bytes, true
}
