package storetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// crashDir is the environment variable that tells a process to write to a directory until it is killed.
const crashDir = "STORETEST_CRASH_DIR"

// amended is the status that workloads are amended to.
const amended = "AMENDED"

// testCrash kills a process while it writes, several times on one directory, and checks that everything it
// had acknowledged is there. (What a process has written survives its kill without any sync. That syncs come
// before acknowledgements takes a test with a simulated power loss to show.)
func testCrash(t *testing.T, open Open) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(t, open, dir)
	}
	dir := t.TempDir()
	acked := map[string]string{} // the last acknowledged state of each workload
	for round := range 3 {
		crashRound(t, dir, 200*(round+1), acked)
		s := open(t, dir, Options{})
		checkAcked(t, s, acked)
		reclaim(t, s, acked)
		wantIs(t, "Close", s.Close(), nil)
	}
}

// crashRound runs a child until it has acknowledged so many writes, and records what it acknowledged.
func crashRound(t *testing.T, dir string, acks int, acked map[string]string) {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "$/^")
	child := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v=false")
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, what, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			t.Errorf("the child says %q", lines.Text())
			continue
		}
		acked[id] = what
		if n++; n == acks {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); n < acks {
		t.Fatalf("the child acknowledged %d of %d and ended: %v", n, acks, err)
	}
}

func checkAcked(t *testing.T, s store.Store, acked map[string]string) {
	t.Helper()
	for id, what := range acked {
		w, err := s.Workload(t.Context(), id)
		if err != nil {
			t.Fatalf("%q was acknowledged to be %s: %v", id, what, err)
		}
		if what == store.Succeeded.String() {
			wantEqual(t, "state of "+id, w.State.String(), what)
			entries, _, err := s.ReadLog(t.Context(), id, 0, store.Cut{}, 100)
			if err != nil || len(entries) != 1 || string(entries[0].Data) != id {
				t.Errorf("log of %q: %v, %v", id, entries, err)
			}
		}
		if what == amended {
			wantEqual(t, "status of "+id, string(w.Status), amended)
		}
		if want := "spec of " + id; string(w.Spec) != want {
			t.Errorf("spec of %q is %q", id, w.Spec)
		}
	}
}

// reclaim checks that everything that was acknowledged and not finished is claimed again.
func reclaim(t *testing.T, s store.Store, acked map[string]string) {
	t.Helper()
	claimed, err := s.Claim(t.Context(), 1<<20)
	if err != nil || len(claimed.Corrupt) > 0 {
		t.Fatalf("Claim: %v, corrupt %v", err, claimed.Corrupt)
	}
	ids := map[string]bool{}
	for _, w := range claimed.Workloads {
		ids[w.ID] = true
		wantEqual(t, "state of "+w.ID, w.State, store.Pending)
	}
	for id, what := range acked {
		w, err := s.Workload(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ids[id] == w.State.Finished() {
			t.Errorf("%q, acknowledged to be %s, is %v; claimed: %t", id, what, w.State, ids[id])
		}
	}
}

// crashChild writes and prints what was acknowledged, until it is killed.
func crashChild(t *testing.T, open Open, dir string) {
	f := &fixture{t: t, open: open, dir: dir, Store: open(t, dir, Options{})}
	f.module = store.DigestOf([]byte("module"))
	if _, err := f.Module(t.Context(), f.module); err != nil {
		f.putModule([]byte("module"))
	}
	base := f.Revision()
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", base, g, i)
				if _, err := f.Submit(context.Background(), []*store.Workload{f.newWorkload(id)}); err != nil {
					return
				}
				fmt.Println(id, store.Pending)
				f.Transition(start(id, 1), nil)
				if i%3 == 0 { // left running
					w, err := f.Workload(context.Background(), id)
					if err != nil {
						return
					}
					if _, err := f.Amend(context.Background(), store.Amendment{ID: id, Revision: w.Revision, Status: []byte(amended)}); err == nil {
						fmt.Println(id, amended)
					}
					continue
				}
				end := finish(id, 1, store.Succeeded)
				end.Log = []store.LogChunk{stdout(id)}
				if _, err := f.transition(end); err != nil {
					return
				}
				fmt.Println(id, store.Succeeded)
			}
		})
	}
	group.Wait()
	t.Fatal("the child could not go on")
}
