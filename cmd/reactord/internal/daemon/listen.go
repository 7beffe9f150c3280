package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// listen opens every address, or none.
func listen(ctx context.Context, addresses []config.Address) ([]net.Listener, error) {
	var listeners []net.Listener
	var faults []error
	for _, a := range addresses {
		l, err := listenAt(ctx, a)
		if err != nil {
			faults = append(faults, fmt.Errorf("cannot listen at %s: %w", a, err))
			continue
		}
		listeners = append(listeners, l)
	}
	if len(faults) > 0 {
		closeAll(listeners)
		return nil, errors.Join(faults...)
	}
	return listeners, nil
}

func listenAt(ctx context.Context, a config.Address) (net.Listener, error) {
	if a.Network != "unix" {
		return new(net.ListenConfig).Listen(ctx, a.Network, a.Addr)
	}
	if err := removeStale(ctx, a.Addr); err != nil {
		return nil, err
	}
	return listenPrivate(ctx, a.Addr)
}

// removeStale removes a socket that a daemon left behind which did not end by itself. A socket that
// somebody answers at, and a file that is no socket, are left alone.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file of that name that is no socket")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// listenPrivate makes a socket of mode 0600. The mode comes from the umask, since between a bind
// and a chmod anybody could connect; the umask is the whole process's, but at a start nothing
// else makes files.
func listenPrivate(ctx context.Context, path string) (net.Listener, error) {
	defer syscall.Umask(syscall.Umask(0o177))
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}
