//go:build unix && !darwin

package hostnet

import "golang.org/x/sys/unix"

// keepAliveIdle is the option for how long a connection is idle before it is probed.
const keepAliveIdle = unix.TCP_KEEPIDLE
