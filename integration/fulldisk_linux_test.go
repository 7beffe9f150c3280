package integration

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// TestRunOnFullDisk: if the end of a guest can't be recorded, run says what it waits for, and goes on when there is room.
// It needs the right to mount a small disk.
func TestRunOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	d := testkit.Start(t, filepath.Join(disk, "data"), "--metrics=127.0.0.1:0")
	r := &restarted{ctl: newCtlOf(t, d)}
	stdin, guest := io.Pipe()
	run := r.follow(t, stdin, "run", "-i", "--id", "upper", "../examples/rust-upper/upper.wasm")
	if _, err := io.WriteString(guest, "one\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the guest prints", func() bool { return strings.Contains(run.out.String(), "ONE") })

	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	// What the daemon has in reserve for ends is used up, too.
	fill := func() {
		for block := make([]byte, 4096); err == nil; {
			_, err = ballast.Write(block)
		}
		err = nil
	}
	fill()
	if err := guest.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "run says what it waits for", func() bool {
		fill()
		return strings.Contains(run.errs.String(), "upper: it has ended, and waits until that can be recorded: the store is full")
	})
	healthy := func() bool {
		_, _, status := r.run(t, "", "health")
		return status == 0
	}
	until(t, "the daemon takes no work", func() bool { return !healthy() })
	if text := readPage(t, http.DefaultClient, "http://"+metricsAt(t, d)).body; !strings.Contains(text, `reactord_store_outage{part="database"} 1`) {
		t.Error("the metrics do not tell of it")
	}
	r.must(t, "health", "--live")
	if out := r.must(t, "status", "upper"); !strings.Contains(out, "waits until that can be recorded") {
		t.Errorf("status says\n%s", out)
	}
	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if status, errs := run.ended(), run.errs.String(); status != 0 || strings.Count(errs, "recorded") != 1 {
		t.Errorf("status %d: %s", status, errs)
	}
	until(t, "the daemon takes work again", healthy)
}
