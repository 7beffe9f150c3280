package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/engine/meter"
)

// plainHTTP serves as nativeHTTP does, by the guest in FILE, in the thinnest host that a server of preview 1 can have: wazero,
// a thread for the guest alone, and one system call for each host call. What the guest achieves there bounds what it can
// achieve in any host that uses wazero. With a second argument the guest is metered.
func plainHTTP(args []string) error {
	guest, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	info := &meter.Info{}
	if len(args) > 1 {
		if guest, info, err = meter.Rewrite(guest, meter.Options{}); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	listener, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer listener.Close() // and not before: the guest has its number
	fd := int(listener.Fd())
	if err := unix.SetNonblock(fd, true); err != nil { // Fd has made it block
		return err
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	if err := errors.Join(definePlain(ctx, r, fd), defineMeter(ctx, r, benchQuantum, func(int64) {})); err != nil {
		return err
	}
	config := wazero.NewModuleConfig().WithSysNanotime().WithSysWalltime().WithStartFunctions()
	m, err := r.InstantiateWithConfig(ctx, guest, config)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return initialize(ctx, m, info, "_start")
}

// definePlain defines preview 1 for a server on a listener.
func definePlain(ctx context.Context, r wazero.Runtime, listener int) error {
	host := r.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(host)
	h := &plainHost{listener: listener}
	for name, call := range map[string]func(m api.Module, a []uint32) error{
		"fd_read": h.read, "fd_write": h.write, "fd_close": h.close, "fd_fdstat_get": h.stat, "fd_fdstat_set_flags": h.setFlags,
		"sock_accept": h.accept, "poll_oneoff": h.poll,
	} {
		params := map[string]int{"fd_close": 1, "fd_fdstat_get": 2, "fd_fdstat_set_flags": 2, "sock_accept": 3}[name]
		if params == 0 {
			params = 4
		}
		types := make([]api.ValueType, params)
		for i := range types {
			types[i] = api.ValueTypeI32
		}
		host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) {
			var a [4]uint32
			for i := range params {
				a[i] = api.DecodeU32(stack[i])
			}
			stack[0] = plainErrno(call(m, a[:]))
		}), types, []api.ValueType{api.ValueTypeI32}).Export(name)
	}
	_, err := host.Instantiate(ctx)
	return err
}

var le = binary.LittleEndian

// plainErrno returns an error as Go's package net has to know it.
func plainErrno(err error) uint64 {
	const again, io = 6, 29
	switch {
	case err == nil:
		return 0
	case errors.Is(err, unix.EAGAIN):
		return again
	default:
		return io
	}
}

// plainHost has the calls that Go's package net makes, for guests that can be trusted. The guest's descriptor 3 is the
// listener; the others have the numbers that the system gave them.
type plainHost struct {
	listener int
	fds      []unix.PollFd
}

func (h *plainHost) descriptor(number uint32) int {
	if number == 3 {
		return h.listener
	}
	return int(number)
}

// buffer returns the only buffer of a list.
func buffer(m api.Module, list uint32) []byte {
	ptr, _ := m.Memory().ReadUint32Le(list)
	n, _ := m.Memory().ReadUint32Le(list + 4)
	buf, _ := m.Memory().Read(ptr, n)
	return buf
}

func put(m api.Module, ptr uint32, v int) { m.Memory().WriteUint32Le(ptr, uint32(max(v, 0))) }

func (h *plainHost) read(m api.Module, a []uint32) error {
	n, err := unix.Read(h.descriptor(a[0]), buffer(m, a[1]))
	put(m, a[3], n)
	return err
}

func (h *plainHost) write(m api.Module, a []uint32) error {
	n, err := unix.Write(h.descriptor(a[0]), buffer(m, a[1]))
	put(m, a[3], n)
	return err
}

func (h *plainHost) close(_ api.Module, a []uint32) error { return unix.Close(h.descriptor(a[0])) }

func (h *plainHost) stat(m api.Module, a []uint32) error {
	const socketStream, nonblock, allRights = 6, 4, 1<<30 - 1
	stat := make([]byte, 24)
	if a[0] >= 3 {
		stat[0], stat[2] = socketStream, nonblock
	}
	m.Memory().Write(a[1], stat)
	m.Memory().WriteUint64Le(a[1]+8, allRights)
	m.Memory().WriteUint64Le(a[1]+16, allRights)
	return nil
}

// setFlags does nothing: all sockets are in non-blocking mode already.
func (*plainHost) setFlags(api.Module, []uint32) error { return nil }

func (h *plainHost) accept(m api.Module, a []uint32) error {
	fd, _, err := unix.Accept(h.descriptor(a[0]))
	if err != nil {
		return err
	}
	put(m, a[2], fd)
	return errors.Join(unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

func (h *plainHost) poll(m api.Module, a []uint32) error {
	const sizeSubscription, clock, write = 48, 0, 2
	in, _ := m.Memory().Read(a[0], a[2]*sizeSubscription)
	h.fds = h.fds[:0]
	timeout := -1 // milliseconds; negative is none
	for s := in; len(s) > 0; s = s[sizeSubscription:] {
		wanted := unix.PollFd{Fd: int32(h.descriptor(le.Uint32(s[16:]))), Events: unix.POLLIN}
		switch s[8] {
		case clock: // the guest asks for relative times only
			timeout = int((time.Duration(le.Uint64(s[24:])) + time.Millisecond - 1) / time.Millisecond)
			wanted.Fd = -1 // which the system skips
		case write:
			wanted.Events = unix.POLLOUT
		}
		h.fds = append(h.fds, wanted)
	}
	if _, err := unix.Poll(h.fds, timeout); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	put(m, a[3], h.putEvents(m, in, a[1]))
	return nil
}

// putEvents writes the events of those subscriptions whose descriptors are ready, and returns their number.
func (h *plainHost) putEvents(m api.Module, in []byte, out uint32) (events int) {
	const sizeSubscription, sizeEvent = 48, 32
	for i, fd := range h.fds {
		if fd.Revents == 0 {
			continue
		}
		s := in[i*sizeSubscription:]
		event := make([]byte, sizeEvent)
		copy(event, s[:8]) // the user's data
		event[10] = s[8]
		m.Memory().Write(out+uint32(events)*sizeEvent, event)
		events++
	}
	return events
}
