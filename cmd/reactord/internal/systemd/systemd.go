// Package systemd speaks with a service manager that speaks systemd's protocols: it takes over the sockets that the
// manager has opened, and tells the manager how the daemon is. Without such a manager all of it does nothing.
//
// Listeners is called once, before the process opens files and starts others. The other functions may be called from any
// goroutine. They send one datagram and may block while the manager's buffer is full.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Listeners returns the sockets that the manager has handed over, in their order. Processes that this one starts do not
// get them.
func Listeners() ([]net.Listener, error) {
	const forgetVariables = true // so that children do not look for sockets
	var listeners []net.Listener
	for _, f := range activation.Files(forgetVariables) {
		err := checkListens(f)
		var l net.Listener
		if err == nil {
			l, err = net.FileListener(f)
		}
		_ = f.Close() // the listener has a copy
		if err != nil {
			return nil, fmt.Errorf("systemd has handed over %s, which is no stream socket that listens: %w", f.Name(), err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// checkListens returns an error if a file is no stream socket that listens.
func checkListens(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var kind, listens int
	var failure error
	err = raw.Control(func(fd uintptr) {
		if kind, failure = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE); failure == nil {
			listens, failure = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		}
	})
	switch err = errors.Join(err, failure); {
	case err != nil:
		return err
	case kind != unix.SOCK_STREAM:
		return errors.New("its type is not SOCK_STREAM")
	case listens == 0:
		return errors.New("listen(2) has not been called for it")
	}
	return nil
}

// Ready tells the manager that the daemon serves, or has reloaded its settings.
func Ready() { tell(daemon.SdNotifyReady) }

// Reloading tells the manager that the daemon reads its settings again, until Ready.
func Reloading() {
	var now unix.Timespec // the manager's clock, by which it knows the answer to its own request
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return
	}
	tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// Stopping tells the manager that the daemon drains.
func Stopping() { tell(daemon.SdNotifyStopping) }

// tell sends a state. A manager that cannot be told does not keep the daemon from its work.
func tell(state string) { _, _ = daemon.SdNotify(false, state) }
