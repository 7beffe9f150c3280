package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
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
	_, err = u.Commit(t.Context(), store.NewModule{Created: epoch})
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

// A store opens on a disk that has no byte left, hands out what is unfinished, and can make room. This
// needs the right to mount a small disk.
func TestOpenOnFullDisk(t *testing.T) {
	for variant := range 4 {
		crash, places := variant&1 != 0, variant&2 != 0
		t.Run(fmt.Sprintf("crash=%t,places=%t", crash, places), func(t *testing.T) {
			disk := t.TempDir()
			if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
				t.Skipf("mounting a small disk: %v", err)
			}
			t.Cleanup(func() { check(t, unix.Unmount(disk, unix.MNT_DETACH)) })
			dir := filepath.Join(disk, "store")
			s := open(t, dir, storetest.Options{})
			module := store.DigestOf([]byte("module"))
			u, err := s.Upload(t.Context(), module, 6, store.Resume{})
			check(t, err)
			_, err = u.Write([]byte("module"))
			check(t, err)
			_, err = u.Commit(t.Context(), store.NewModule{Created: epoch})
			check(t, err)
			check(t, u.Close())
			large := workload("large", module)
			large.Spec = make([]byte, 500_000)
			for _, w := range []*store.Workload{large, workload("runs", module), workload("waits", module)} {
				submit(t, s, w)
			}
			done := make(chan error, 1)
			s.Transition(store.Transition{ID: "large", From: store.Unfinished, To: store.Cancelled, Time: epoch}, nil)
			s.Transition(store.Transition{ID: "runs", From: store.Unfinished, To: store.Running, Attempt: 1, Time: epoch}, func(_ int64, err error) { done <- err })
			check(t, <-done)
			if crash {
				// What a process leaves that is killed: its files as they are, and no lock.
				for _, name := range []string{"store.db", "store.db-wal"} {
					data, err := os.ReadFile(filepath.Join(dir, name))
					check(t, err)
					check(t, os.WriteFile(filepath.Join(disk, name), data, 0o600))
				}
				check(t, s.Close())
				for _, name := range []string{"store.db", "store.db-wal"} {
					check(t, os.Rename(filepath.Join(disk, name), filepath.Join(dir, name)))
				}
			} else {
				check(t, s.Close())
			}
			fillUp(t, filepath.Join(disk, "ballast"))

			s = closing(t, open(t, dir, storetest.Options{}))
			if places {
				claimed, err := s.ClaimPlaces(t.Context(), 10)
				check(t, err)
				if got := claimed.Places; len(got) != 2 || got[0].ID != "runs" || !got[0].Interrupted {
					t.Errorf("claimed %+v", got)
				}
			} else {
				claimed, err := s.Claim(t.Context(), 10)
				check(t, err)
				wantIDs(t, "claimed", claimed.Workloads, "runs", "waits")
				wantIDs(t, "interrupted", claimed.Interrupted, "runs")
				for _, w := range claimed.Workloads {
					if w.State != store.Pending {
						t.Errorf("%s was claimed %v", w.ID, w.State)
					}
				}
			}
			pruned, err := s.Prune(t.Context(), store.Retention{Before: epoch.Add(time.Hour)})
			check(t, err)
			if pruned.Workloads != 1 {
				t.Errorf("%d workloads were pruned", pruned.Workloads)
			}
			s.Transition(store.Transition{ID: "runs", From: store.States(store.Pending), To: store.Running, Attempt: 2, Time: epoch}, func(_ int64, err error) { done <- err })
			check(t, os.Remove(filepath.Join(disk, "ballast")))
			check(t, <-done)
		})
	}
}

// fillUp writes a file until the disk is full.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	check(t, f.Close())
}

// A store on a volume that is read-only is not opened, says where, and is as it was once the volume can be written to again. This needs
// the right to mount a small disk.
func TestOpenOnReadOnlyVolume(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	dir := filepath.Join(disk, "store")
	s := open(t, dir, storetest.Options{})
	module := store.DigestOf([]byte("module"))
	u, err := s.Upload(t.Context(), module, 6, store.Resume{})
	check(t, err)
	_, err = u.Write([]byte("module"))
	check(t, err)
	_, err = u.Commit(t.Context(), store.NewModule{Created: epoch})
	check(t, err)
	check(t, u.Close())
	submit(t, s, workload("waits", module))
	check(t, s.Close())

	check(t, unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir}); !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), dir) {
		t.Errorf("on a read-only volume: %v", err)
	}
	check(t, unix.Mount("", disk, "", unix.MS_REMOUNT, ""))
	s = closing(t, open(t, dir, storetest.Options{}))
	claimed, err := s.Claim(t.Context(), 10)
	check(t, err)
	wantIDs(t, "claimed", claimed.Workloads, "waits")
}
