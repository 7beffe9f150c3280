package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// hostileTime is how long a guest that never ends is given to do harm.
const hostileTime = 500 * time.Millisecond

// meanwhile runs body, and checks that the API answered all the while and that a guest that means no harm came
// through. How prompt the answers are is measured by BenchmarkHostileGuests.
func meanwhile(t *testing.T, d *testkit.Daemon, body func()) {
	t.Helper()
	innocent := sleeper(t, d.Client, 50*time.Millisecond)
	innocent.Args[0] = "3"
	took := d.Probe(t, func() {
		id := d.Submit(t, innocent)
		body()
		if s := d.WaitFor(t, id); s.GetState() != succeeded {
			t.Errorf("the innocent guest: %v", s)
		}
	})
	t.Logf("%d answers, median %v, p99 %v, most %v", len(took), testkit.Quantile(took, 0.5), testkit.Quantile(took, 0.99), testkit.Quantile(took, 1))
}

func TestHostileGuests(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	if _, err := d.TryPush(t.Context(), examples.Sleeper, "warm"); err != nil {
		t.Fatal(err)
	}
	limits := func(memory uint64) *reactorv1.Limits { return &reactorv1.Limits{MemoryBytes: memory} }

	// Those that never end are let run, then cancelled, and are gone.
	for _, tt := range []struct {
		name   string
		binary []byte
		limits *reactorv1.Limits
	}{
		{"endless loop", examples.Hog, nil},
		{"exponential recursion", assembled(t, "recursion"), nil},
		{"growing memory", assembled(t, "grow"), limits(64 << 20)},
		{"filling memory", assembled(t, "fill"), nil},
		{"ignoring cancel", assembled(t, "stubborn"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := &reactorv1.WorkloadSpec{Module: d.Push(t, tt.binary), Limits: tt.limits}
			meanwhile(t, d, func() {
				ids := d.SubmitMany(t, spec, 4)
				until(t, "it is under way", func() bool { return d.Status(t, ids[0]).GetState() != pending })
				<-time.After(hostileTime)
				d.Cancel(t, ids...)
				for _, id := range ids {
					s := d.WaitFor(t, id)
					if s.GetState() != cancelled {
						t.Errorf("status is %v", s)
					}
					if most := tt.limits.GetMemoryBytes(); most > 0 && s.GetUsage().GetPeakMemoryBytes() > most {
						t.Errorf("it had %d bytes, and its limit is %d", s.GetUsage().GetPeakMemoryBytes(), most)
					}
				}
			})
		})
	}

	// Those that come to an end by themselves, or by what they run into.
	dir := []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
		Directory: &reactorv1.DirectoryGrant{HostPath: t.TempDir(), GuestPath: "/"},
	}}}
	const errnoMfile = 33 // of WASI: too many open files
	for _, tt := range []struct {
		name  string
		spec  *reactorv1.WorkloadSpec
		guest string
		check func(*reactorv1.WorkloadStatus) error
	}{
		{"deep recursion", &reactorv1.WorkloadSpec{}, "deep", reason(reactorv1.EndReason_END_REASON_STACK_OVERFLOW)},
		{"trap", &reactorv1.WorkloadSpec{}, "trap", reason(reactorv1.EndReason_END_REASON_TRAP)},
		{"a million descriptors", &reactorv1.WorkloadSpec{Grants: dir}, "descriptors", func(s *reactorv1.WorkloadStatus) error {
			if s.GetExitCode() != errnoMfile {
				return fmt.Errorf("it exited with %d, want the errno of too many open files, %d", s.GetExitCode(), errnoMfile)
			}
			return nil
		}},
		{"a million subscriptions", &reactorv1.WorkloadSpec{}, "subscriptions", func(s *reactorv1.WorkloadStatus) error {
			if s.GetReason() != reactorv1.EndReason_END_REASON_EXIT || s.GetExitCode() == 0 {
				return errors.New("poll_oneoff took a million subscriptions")
			}
			return nil
		}},
		{"gigabytes of output", &reactorv1.WorkloadSpec{Limits: &reactorv1.Limits{LogBytes: 1 << 20}}, "output", func(s *reactorv1.WorkloadStatus) error {
			u := s.GetUsage()
			if s.GetState() != succeeded || u.GetLogBytes() != 2<<30 || u.GetLogBytesDropped() < 2<<30-1<<20 {
				return fmt.Errorf("it wrote %d bytes, of which %d were dropped", u.GetLogBytes(), u.GetLogBytesDropped())
			}
			return nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Module = d.Push(t, assembled(t, tt.guest))
			meanwhile(t, d, func() {
				for _, id := range d.SubmitMany(t, tt.spec, 4) {
					s := d.WaitFor(t, id)
					if err := tt.check(s); err != nil {
						t.Errorf("%v: %v", err, s)
					}
				}
			})
		})
	}
	if log := d.Log(); strings.Contains(log, `"level":"error"`) {
		t.Errorf("the daemon has logged errors:\n%s", log)
	}
}

func reason(want reactorv1.EndReason) func(*reactorv1.WorkloadStatus) error {
	return func(s *reactorv1.WorkloadStatus) error {
		if s.GetState() != failed || s.GetReason() != want {
			return fmt.Errorf("it ended as %v, want %v", s.GetReason(), want)
		}
		return nil
	}
}

// A crash tells the trap, and where it was by the names of the functions and by the places of their code.
func TestTrapTellsWhere(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary := assembled(t, "trap")
	s := d.Run(t, &reactorv1.WorkloadSpec{Module: d.Push(t, binary)})
	const message = "the guest crashed: it executed unreachable, as programs do that panic or abort"
	if s.GetMessage() != message || s.GetCrash().GetTrap() != "unreachable" || s.GetCrash().GetCause() != "" {
		t.Errorf("status %v", s)
	}
	var names []string
	for _, f := range s.GetCrash().GetFrames() {
		names = append(names, f.GetFunction())
		if at := f.GetCodeOffset(); at == 0 || at >= uint64(len(binary)) {
			t.Errorf("%v is not in the module", f)
		}
	}
	if len(names) < 2 || names[0] != "inner" || !slices.Contains(names, "main") {
		t.Errorf("frames of %q", names)
	}
}

// Thousands of guests that are parked deep in their stacks stay within the node's memory.
func TestParkedDeep(t *testing.T) {
	const node, count = 128 << 20, 1000
	d := testkit.Start(t, t.TempDir(), fmt.Sprintf("--node-memory=%d", node))
	before := d.Stats(t).GetResidentBytes()
	meanwhile(t, d, func() {
		spec := &reactorv1.WorkloadSpec{Module: d.Push(t, assembled(t, "parked")), Labels: map[string]string{"deep": "yes"}}
		d.SubmitMany(t, spec, count)
		settled := uint64(0)
		until(t, "every guest waits, has failed, or waits for room", func() bool {
			s := d.Stats(t)
			if s.GetGuestMemoryBytes() > node {
				t.Errorf("guests have %d bytes, and the node's limit is %d", s.GetGuestMemoryBytes(), node)
			}
			// Settled is what does not change from one look to the next.
			last := settled
			settled = s.GetResumes()
			return s.GetWaiting() > 0 && s.GetRunning() == 0 && settled == last
		})
		s := d.Stats(t)
		if s.GetFailed() > 0 {
			t.Errorf("%d failed for want of the node's memory", s.GetFailed())
		}
		t.Logf("%d wait, %d failed, %d pending; guests have %d MiB, the daemon grew by %d MiB", s.GetWaiting(), s.GetFailed(),
			s.GetPending(), s.GetGuestMemoryBytes()>>20, (s.GetResidentBytes()-before)>>20)
		if grown := s.GetResidentBytes() - before; grown > 2*node+128<<20 {
			t.Errorf("the daemon grew by %d MiB", grown>>20)
		}
		if _, err := d.Workloads.CancelWorkloads(t.Context(), &reactorv1.CancelWorkloadsRequest{LabelSelector: "deep=yes"}); err != nil {
			t.Error(err)
		}
	})
}

// Go programs start with a few pages and grow to several MiB at once. All of them succeed, though the node has room
// for a few at a time only.
func TestGoGuestsWaitForMemory(t *testing.T) {
	const count = 120
	d := testkit.Start(t, t.TempDir(), "--node-memory=64MiB")
	module := d.Push(t, testkit.GoGuest(t, "../examples/hello"))
	d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: module}, count)
	until(t, "all have ended", func() bool {
		s := d.Stats(t)
		if s.GetGuestMemoryBytes() > 64<<20 {
			t.Errorf("guests have %d bytes", s.GetGuestMemoryBytes())
		}
		return s.GetSucceeded()+s.GetFailed() == count
	})
	if s := d.Stats(t); s.GetFailed() != 0 {
		t.Errorf("%d of %d failed", s.GetFailed(), count)
	}
}

// Tiny modules by the thousand fill neither the disk nor the compile cache beyond their bounds.
func TestManyModules(t *testing.T) {
	const store, cache = 64 << 10, 1 << 20
	dir := t.TempDir()
	d := testkit.Start(t, dir, fmt.Sprintf("--module-store=%d", store), fmt.Sprintf("--compile-cache=%d", cache))
	var refused error
	meanwhile(t, d, func() {
		for i := range 2000 {
			var result *reactorv1.PushModuleResult
			result, refused = d.TryPush(t.Context(), (&testkit.Program{}).Bytes(fmt.Sprint("number ", i)), fmt.Sprint("number-", i))
			if refused != nil {
				return
			}
			if i%50 == 0 { // so that it is compiled
				d.Run(t, &reactorv1.WorkloadSpec{Module: result.GetModule().GetDigest()})
			}
		}
	})
	refusal{codes.ResourceExhausted, "STORE_FULL", "", ""}.check(t, refused)
	if size := folderSize(t, dir); size > store+cache+16<<20 { // the database, with its log
		t.Errorf("the data folder has %d bytes", size)
	}
	// What is deleted makes room.
	list, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{PageSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.GetModules() {
		_, err := d.Modules.DeleteModule(t.Context(), &reactorv1.DeleteModuleRequest{Module: m.GetDigest()})
		if err != nil && status.Code(err) != codes.FailedPrecondition {
			t.Fatal(err)
		}
	}
	if _, err := d.TryPush(t.Context(), (&testkit.Program{}).Bytes("one more"), ""); err != nil {
		t.Errorf("after deleting some: %v", err)
	}
}

func folderSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil {
			var info os.FileInfo
			if info, err = entry.Info(); err == nil && info.Mode().IsRegular() {
				size += info.Size()
			}
		}
		if errors.Is(err, os.ErrNotExist) { // the daemon has removed it meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// The committed binaries of testdata/wat are what their texts give.
func TestBinariesMatchTexts(t *testing.T) {
	if _, err := exec.LookPath("wat2wasm"); err != nil {
		t.Skip("wat2wasm is not installed")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "testdata/wat/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	built, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(built) == 0 {
		t.Fatalf("nothing was built: %v", err)
	}
	for _, path := range built {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if got, err := os.ReadFile(filepath.Join("testdata", "wat", name)); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what its text gives (%v): run testdata/wat/build.sh", name, err)
		}
	}
}
