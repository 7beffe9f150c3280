package reactor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/policy"
	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should take milliseconds.
const patience = 60 * time.Second

// open opens a reactor over a real store, engine and executor. It is shut down with the test.
func open(t testing.TB, change ...func(*Config)) *Reactor {
	t.Helper()
	return openIn(t, t.TempDir(), change...)
}

// storeIn opens the store of a reactor in dir.
func storeIn(dir string) store.Opener { return sqlite.Opener(filepath.Join(dir, "store")) }

func openIn(t testing.TB, dir string, change ...func(*Config)) *Reactor {
	t.Helper()
	cfg := Config{
		DataDir: dir, ABIs: []abi.ABI{wasip1.New()}, Version: "test", Allow: policy.Anything(), Workers: 2, GracePeriod: -1, MemoryBytes: 1 << 30,
		Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
	}
	for _, c := range change {
		c(&cfg)
	}
	r, err := New(cfg, storeIn(dir))
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { shutdown(t, r) })
	return r
}

// shutdown ends a reactor, unless the test has already.
func shutdown(t testing.TB, r *Reactor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil && errs.ClassOf(err) != errs.Draining {
		t.Errorf("Shutdown: %v", err)
	}
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// guest reads a guest's binary.
func guest(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// pushBytes pushes a module, as a client does.
func pushBytes(t testing.TB, r *Reactor, binary []byte, tag string) (m *api.Module, existed bool, err error) {
	t.Helper()
	ctx := deadline(t)
	p, err := r.PushModule(ctx, api.PushRequest{Digest: digestOf(binary), SizeBytes: uint64(len(binary)), Tag: tag})
	if err != nil {
		return nil, false, err
	}
	defer p.Close()
	if _, err := p.Write(binary[p.Offset():]); err != nil {
		return nil, false, err
	}
	return p.Commit(ctx)
}

// push pushes a guest of testdata, tagged with its name.
func push(t testing.TB, r *Reactor, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, _, err := pushBytes(t, r, guest(t, name), name); err != nil {
			t.Fatalf("push %s: %v", name, err)
		}
	}
}

// submit submits a spec under an id.
func submit(t testing.TB, r *Reactor, id string, spec api.Spec) *api.Workload {
	t.Helper()
	w, created, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: id, Spec: spec})
	if err != nil || !created {
		t.Fatalf("submit %s: created %v, %v", id, created, err)
	}
	return w
}

// wait waits for a workload to end.
func wait(t testing.TB, r *Reactor, id string) *api.Workload {
	t.Helper()
	w, err := r.WaitWorkload(deadline(t), id)
	if err != nil {
		t.Fatalf("wait for %s: %v", id, err)
	}
	return w
}

// run submits a spec and waits for its end.
func run(t testing.TB, r *Reactor, id string, spec api.Spec) *api.Workload {
	t.Helper()
	submit(t, r, id, spec)
	return wait(t, r, id)
}

// readLog reads what a workload wrote.
func readLog(t testing.TB, r *Reactor, req api.LogRequest) (text string, dropped uint64) {
	t.Helper()
	var b strings.Builder
	err := r.ReadLogs(deadline(t), req, func(c api.LogChunk) error {
		b.Write(c.Data)
		dropped = c.DroppedBytes
		return nil
	})
	if err != nil {
		t.Fatalf("logs of %s: %v", req.ID, err)
	}
	return b.String(), dropped
}

// awaitState watches from the beginning until a workload is recorded in a state.
func awaitState(t testing.TB, r *Reactor, id string, state api.State) *api.Workload {
	t.Helper()
	var found *api.Workload
	enough := errors.New("enough")
	err := r.WatchWorkloads(deadline(t), api.Filter{States: []api.State{state}}, "0", func(e api.WatchEvent) error {
		if e.Workload != nil && e.Workload.ID == id {
			found = e.Workload
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%s does not become %v: %v", id, state, err)
	}
	return found
}

// awaitWaiting waits until a workload waits. That is not told to anyone, so it is asked for.
func awaitWaiting(t testing.TB, r *Reactor, id string) *api.Workload {
	t.Helper()
	ctx := deadline(t)
	for {
		w, err := r.GetWorkload(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if w.Status.State == api.Waiting {
			return w
		}
		if w.Status.State.Ended() {
			t.Fatalf("%s has ended: %+v", id, w.Status)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s does not wait: %+v", id, w.Status)
		}
	}
}

// wantClass checks an error's class and that its message has all of the words.
func wantClass(t testing.TB, err error, class errs.Class, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %v", class)
		return
	}
	if got := errs.ClassOf(err); got != class {
		t.Errorf("class %v (%v), want %v", got, err, class)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// copyDir copies a folder with its files.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
