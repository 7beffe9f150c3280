package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/storetest"
)

// A disk that is full refuses what is new and nothing else. What had begun is written once there
// is space. This needs the right to mount a small disk.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	ballast := filepath.Join(disk, "ballast")
	check(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))

	s := closing(t, open(t, filepath.Join(disk, "store"), storetest.Options{}))
	module := store.DigestOf([]byte("module"))
	u, err := s.Upload(t.Context(), module, 6, store.Resume{})
	check(t, err)
	_, err = u.Write([]byte("module"))
	check(t, err)
	_, err = u.Commit(t.Context(), epoch, nil, "")
	check(t, err)
	check(t, u.Close())

	stored := 0
	for ; ; stored++ {
		w := workload(fmt.Sprint(stored), module)
		w.Spec = make([]byte, 10_000)
		if _, err := s.Submit(t.Context(), []*store.Workload{w}); err != nil {
			if !errors.Is(err, store.ErrFull) {
				t.Fatalf("error %v, want %v", err, store.ErrFull)
			}
			break
		}
	}
	if stored == 0 {
		t.Fatal("nothing found room")
	}
	big := make([]byte, 2<<20)
	u, err = s.Upload(t.Context(), store.DigestOf(big), int64(len(big)), store.Resume{})
	if err == nil {
		_, err = u.Write(big)
		check(t, u.Discard())
	}
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("a large module: error %v, want %v", err, store.ErrFull)
	}

	done := make(chan error, 1)
	s.Transition(store.Transition{
		ID: "0", From: store.Unfinished, To: store.Cancelled, Time: epoch,
		Log: []store.LogChunk{{Stream: store.Stdout, Data: make([]byte, 200_000)}},
	}, func(_ int64, err error) { done <- err })
	page, err := s.List(t.Context(), store.Query{Limit: 1000})
	check(t, err)
	if len(page.Workloads) != stored || len(page.Corrupt) != 0 {
		t.Errorf("the list has %d workloads and %d corrupt ones, want %d", len(page.Workloads), len(page.Corrupt), stored)
	}
	select {
	case err := <-done:
		t.Fatalf("the transition was written to a full disk (%v)", err)
	default:
	}

	check(t, os.Remove(ballast))
	check(t, <-done)
	if r := submit(t, s, workload("more", module)); !r.Created {
		t.Errorf("a new workload: %v", r.Err)
	}
}
