package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// socket is the path of a socket short enough for every system: 104 bytes on some.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func TestSocketIsPrivate(t *testing.T) {
	path := socket(t)
	listeners, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(listeners)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the socket's mode is %o, want 600", got)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := socket(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	listeners, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	closeAll(listeners)
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	path := socket(t)
	live, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if _, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want that the address is in use", err)
	}
	if _, err := net.Dial("unix", path); err != nil {
		t.Errorf("the other's socket: %v", err)
	}
}

func TestOtherFileIsLeftAlone(t *testing.T) {
	path := socket(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("got %v, want a refusal", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

// Of several addresses all are opened, or none; every fault is told.
func TestAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := socket(t)
	_, err = listen(t.Context(), []config.Address{
		{Network: "unix", Addr: path},
		{Network: "tcp", Addr: taken.Addr().String()},
		{Network: "unix", Addr: filepath.Join(path, "nowhere")},
	}, nil)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want both faults", err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the first address was left open")
	}
}

// Whatever the umask, and whatever the folder was, only the user can open the daemon's own socket.
func TestOwnFolder(t *testing.T) {
	for _, mode := range []os.FileMode{0, 0o755, 0o777, 0o700, 0o500} {
		dir := filepath.Join(filepath.Dir(socket(t)), "reactord")
		if mode != 0 {
			if err := os.Mkdir(dir, mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := makePrivate(dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("from %o it is %v, %v", mode, info, err)
		}
	}
}

func TestOwnFolderIsNoLink(t *testing.T) {
	link := filepath.Join(filepath.Dir(socket(t)), "reactord")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(link); err == nil {
		t.Error("a link was taken for the daemon's own folder")
	}
}

func TestLongPath(t *testing.T) {
	path := "/tmp/" + strings.Repeat("x", 200)
	_, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil)
	if err == nil || !strings.Contains(err.Error(), "205 bytes") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("got %v, want the lengths and what to do", err)
	}
}

// Of many daemons that are started at once over one stale socket one listens, and can be reached.
func TestSocketRace(t *testing.T) {
	path := socket(t)
	for range 20 {
		stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		stale.SetUnlinkOnClose(false)
		stale.Close()
		results := make(chan net.Listener, 8)
		for range cap(results) {
			go func() {
				l, err := listenUnix(t.Context(), path)
				if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("refused with %v", err)
				}
				results <- l
			}()
		}
		var won []net.Listener
		for range cap(results) {
			if l := <-results; l != nil {
				won = append(won, l)
			}
		}
		if len(won) != 1 {
			t.Fatalf("%d listen", len(won))
		}
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("the one that listens cannot be reached: %v", err)
		}
		conn.Close()
		won[0].Close()
	}
}

// The lock alone keeps others away, even from a daemon that has lost its socket; and one that has
// lost its lock's file is still left alone.
func TestLiveDaemonWithoutItsFiles(t *testing.T) {
	for _, file := range []string{"", ".lock"} {
		path := socket(t)
		live, err := listenUnix(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path + file); err != nil {
			t.Fatal(err)
		}
		if l, err := listenUnix(t.Context(), path); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("without %q: got %v, %v", file, l, err)
		}
		live.Close()
	}
}

// What is refused says who has it.
func TestWhoListens(t *testing.T) {
	path := socket(t)
	live, err := listenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	_, err = listenUnix(t.Context(), path)
	if want := fmt.Sprintf("process %d of user %d", os.Getpid(), os.Getuid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// A daemon that ends late takes only its own socket away.
func TestCloseLeavesAnothersSocket(t *testing.T) {
	path := socket(t)
	old, err := listenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".lock"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	late, err := listenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	old.Close()
	old.Close()
	if _, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	}
}
