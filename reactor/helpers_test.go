package reactor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
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

// patience is how long a test waits for what takes milliseconds on an idle machine. On a busy one that may be many
// seconds, so what takes longer than this hangs.
const patience = 3 * time.Minute

// open opens a reactor over a real store, engine and executor. It is shut down with the test.
func open(t testing.TB, change ...func(*Config)) *Reactor {
	t.Helper()
	return openIn(t, t.TempDir(), change...)
}

// storeIn opens the store of a reactor in dir.
func storeIn(dir string) store.Opener { return sqlite.Opener(filepath.Join(dir, "store")) }

func openIn(t testing.TB, dir string, change ...func(*Config)) *Reactor {
	t.Helper()
	return openOver(t, dir, storeIn(dir), change...)
}

func openOver(t testing.TB, dir string, openStore store.Opener, change ...func(*Config)) *Reactor {
	t.Helper()
	cfg := Config{
		DataDir: dir, ABIs: []abi.ABI{wasip1.New()}, Version: "test", Allow: policy.Anything(), Workers: 2, GracePeriod: -1, MemoryBytes: 1 << 30,
		Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
	}
	for _, c := range change {
		c(&cfg)
	}
	r, err := New(cfg, openStore)
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

// await asks again and again until met says yes, for what nobody is told of.
func await(t testing.TB, what string, met func() bool) {
	t.Helper()
	ctx := deadline(t)
	for !met() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

// awaitStatus waits until a workload that does not end meanwhile is as met wants it.
func awaitStatus(t testing.TB, r *Reactor, id, what string, met func(*api.Status) bool) (w *api.Workload) {
	t.Helper()
	await(t, id+" "+what, func() bool {
		var err error
		if w, err = r.GetWorkload(deadline(t), id); err != nil {
			t.Fatal(err)
		}
		if w.Status.State.Ended() {
			t.Fatalf("%s has ended: %+v", id, w.Status)
		}
		return met(&w.Status)
	})
	return w
}

// awaitWaiting waits until a workload waits, and its status tells for what.
func awaitWaiting(t testing.TB, r *Reactor, id string) *api.Workload {
	t.Helper()
	return awaitStatus(t, r, id, "waits", func(s *api.Status) bool { return s.State == api.Waiting && len(s.WaitingFor) > 0 })
}

// awaitDelay waits until a workload is delayed.
func awaitDelay(t testing.TB, r *Reactor, id string) *api.Workload {
	t.Helper()
	return awaitStatus(t, r, id, "is delayed", func(s *api.Status) bool { return s.Delay != nil })
}

// awaitStats waits until the node is as met wants it.
func awaitStats(t testing.TB, r *Reactor, what string, met func(api.Stats) bool) {
	t.Helper()
	await(t, what, func() bool { return met(r.Stats()) })
}

// awaitLog waits until a workload has written as much as want.
func awaitLog(t testing.TB, r *Reactor, id, want string) {
	t.Helper()
	var got []byte
	enough := errors.New("enough")
	err := r.ReadLogs(deadline(t), api.LogRequest{ID: id, Follow: true}, func(c api.LogChunk) error {
		if got = append(got, c.Data...); len(got) >= len(want) {
			return enough
		}
		return nil
	})
	if string(got) != want || !errors.Is(err, enough) {
		t.Fatalf("%s wrote %q, want %q: %v", id, got, want, err)
	}
}

// expire runs workloads with timeouts, each twice as long as the one before, until one ends in the way that the word
// tells: a busy machine may not have brought the first ones that far.
func expire(t testing.TB, word string, runs func(timeout time.Duration) *api.Workload) *api.Workload {
	t.Helper()
	for timeout := time.Second; ; timeout *= 2 {
		w := runs(timeout)
		if s := w.Status; s.State != api.Failed || s.Reason != api.ReasonDeadline || !strings.Contains(s.Message, word) && timeout > patience/4 {
			t.Errorf("it does not end by its timeout while it waits for %s: %+v", word, s)
		} else if !strings.Contains(s.Message, word) {
			continue
		}
		return w
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

// copyDir copies a folder with its files. The folder is in use: what is gone when its turn comes is no fault.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	for {
		err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from)))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
