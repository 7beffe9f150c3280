package daemon

import (
	"errors"
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
	listeners, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}})
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
	listeners, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}})
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
	if _, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}); !errors.Is(err, syscall.EADDRINUSE) {
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
	if _, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}); err == nil || !strings.Contains(err.Error(), "no socket") {
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
	})
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want both faults", err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the first address was left open")
	}
}
