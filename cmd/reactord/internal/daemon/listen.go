package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/internal/flock"
)

// listen opens all addresses, or none. It uses the inherited listeners where they listen.
func listen(ctx context.Context, addresses []config.Address, inherited []net.Listener) ([]net.Listener, error) {
	var listeners []net.Listener
	var faults []error
	for _, a := range addresses {
		at := func(l net.Listener) bool { return config.AddressOf(l) == a }
		if i := slices.IndexFunc(inherited, at); i >= 0 {
			listeners = append(listeners, inherited[i])
			continue
		}
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
	return listenUnix(ctx, a.Addr)
}

// sameTLS returns how something else than the API is served: with the same certificate, to clients that speak other protocols; nil for
// plain text.
func (d *Daemon) sameTLS(protocols ...string) *tls.Config {
	if d.cfg.TLS.Cert == "" {
		return nil
	}
	current := func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		files, err := d.tls.Load().GetConfigForClient(hello)
		if err != nil {
			return nil, err
		}
		own := files.Clone()
		own.NextProtos = protocols
		return own, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: current}
}

// makePrivate creates the folder of the daemon's own socket for its user only, or checks that an existing
// one is private.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case ok && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("the folder %s belongs to user %d: name another place with --listen=unix:///PATH", dir, owner.Uid)
	case info.Mode().Perm() == 0o700:
		return nil
	}
	return os.Chmod(dir, 0o700)
}

// socketListener listens at a unix socket that only the daemon's user can open. It owns the socket for as long
// as it holds the lock on the file next to it:
//
//  1. It takes the lock. If that fails, a daemon that is alive has it, even one that does not answer.
//  2. With the lock held, nobody can be listening at an existing socket, unless the lock's file was removed.
//     So it tries to connect: a socket that answers is left alone, and so is a file that is not a socket.
//  3. It removes a stale socket and binds a new one. Everybody who follows this protocol holds the lock
//     meanwhile, so the removed socket is not one that another daemon has just made.
//
// Close removes the socket, if it is still the same, before it releases the lock. The lock's file stays,
// since another process may have it open and be waiting for the lock. TestSocketRace and
// TestLiveSocketIsLeftAlone hold this.
type socketListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo // identifies the socket
	lock *os.File
	end  func() error // runs close once: afterwards the socket may be another daemon's
}

func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if most := len(unix.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		return nil, fmt.Errorf("the path has %d bytes, and the system takes %d for a socket: name a shorter one with --listen=unix:///PATH", len(path), most)
	}
	lock, err := lockSocket(ctx, path)
	if err != nil {
		return nil, err
	}
	l := &socketListener{path: path, lock: lock}
	l.end = sync.OnceValue(l.close)
	if err := l.bind(ctx); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return l, nil
}

// lockSocket takes the lock of the socket at path.
func lockSocket(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	err = flock.TryLock(f)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, flock.ErrLocked) {
		err = inUse(ctx, path)
	}
	return nil, errors.Join(err, f.Close())
}

// inUse returns the error for a socket that another daemon uses, and names that daemon if it answers.
func inUse(ctx context.Context, path string) error {
	who := "another daemon"
	if conn, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		if p, err := access.PeerOf(conn); err == nil {
			who = p.String()
		}
		_ = conn.Close()
	}
	return fmt.Errorf("%w: %s listens there; stop it, or name another address with --listen", syscall.EADDRINUSE, who)
}

// bind creates the socket. Its mode comes from the umask, since anybody could connect between a bind and a
// chmod. The umask is the whole process's, but nothing else creates files during the start.
func (l *socketListener) bind(ctx context.Context) error {
	if err := removeStale(ctx, l.path); err != nil {
		return err
	}
	bound, err := func() (net.Listener, error) {
		defer syscall.Umask(syscall.Umask(0o177))
		return new(net.ListenConfig).Listen(ctx, "unix", l.path)
	}()
	if err != nil {
		return err
	}
	l.UnixListener = bound.(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	if l.made, err = os.Lstat(l.path); err != nil {
		return errors.Join(err, bound.Close())
	}
	return nil
}

// removeStale removes a socket that a crashed daemon left behind.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("the file at this path is not a socket")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
		return inUse(ctx, path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// Close removes the socket and makes Accept return.
func (l *socketListener) Close() error { return l.end() }

func (l *socketListener) close() error {
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.made) {
		_ = os.Remove(l.path) // a socket that stays is harmless: nobody answers there
	}
	return errors.Join(l.UnixListener.Close(), l.lock.Close())
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}
