package main

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// The functions of the WasmEdge socket extension that a client needs. Package github.com/stealthrocket/net has them all.

//go:wasmimport wasi_snapshot_preview1 sock_open
//go:noescape
func sockOpen(family, kind int32, fd unsafe.Pointer) syscall.Errno

//go:wasmimport wasi_snapshot_preview1 sock_connect
//go:noescape
func sockConnect(fd int32, address unsafe.Pointer, port uint32) syscall.Errno

//go:wasmimport wasi_snapshot_preview1 sock_getaddrinfo
//go:noescape
func sockGetaddrinfo(node unsafe.Pointer, nodeLen uint32, service unsafe.Pointer, serviceLen uint32,
	hints, results unsafe.Pointer, most uint32, count unsafe.Pointer) syscall.Errno

const (
	inet4  = 1
	inet6  = 2
	stream = 2
)

// addrinfo is a result of sock_getaddrinfo, with the records that it points to.
type addrinfo struct {
	flags            uint16
	family, kind     uint8
	protocol, length uint32
	address          uint32 // of sockaddr
	name, nameLength uint32
	next             uint32
	sockaddr         struct{ family, length, data uint32 }
	data             [26]byte
}

func pointer[T any](to *T) uint32 { return uint32(uintptr(unsafe.Pointer(to))) }

// lookup returns the addresses of a host and a port.
func lookup(host, port string) ([]netip.AddrPort, error) {
	results := make([]addrinfo, 8)
	for i := range results {
		r := &results[i]
		r.address = pointer(&r.sockaddr)
		r.sockaddr.data, r.sockaddr.length = pointer(&r.data), uint32(len(r.data))
		if i > 0 {
			results[i-1].next = pointer(r)
		}
	}
	hints, first, count := addrinfo{kind: stream}, pointer(&results[0]), uint32(0)
	if e := sockGetaddrinfo(unsafe.Pointer(unsafe.StringData(host)), uint32(len(host)),
		unsafe.Pointer(unsafe.StringData(port)), uint32(len(port)),
		unsafe.Pointer(&hints), unsafe.Pointer(&first), uint32(len(results)), unsafe.Pointer(&count)); e != 0 {
		return nil, os.NewSyscallError("getaddrinfo", e)
	}
	runtime.KeepAlive(results)
	var addrs []netip.AddrPort
	for _, r := range results[:count] {
		size := 4
		if r.family == inet6 {
			size = 16
		}
		addr, _ := netip.AddrFromSlice(r.data[2 : 2+size])
		addrs = append(addrs, netip.AddrPortFrom(addr, binary.BigEndian.Uint16(r.data[:])))
	}
	return addrs, nil
}

func dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := lookup(host, port)
	for _, to := range addrs {
		var conn net.Conn
		if conn, err = connect(ctx, to); err == nil {
			return conn, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

// connect connects to one address. Other goroutines run meanwhile.
func connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	family := int32(inet4)
	if to.Addr().Is6() {
		family = inet6
	}
	var fd int32
	if e := sockOpen(family, stream, unsafe.Pointer(&fd)); e != 0 {
		return nil, os.NewSyscallError("socket", e)
	}
	file := os.NewFile(uintptr(fd), to.String())
	defer file.Close() // FileConn has its own
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return nil, err
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var e syscall.Errno
	err = raw.Write(func(uintptr) (done bool) { // again whenever the socket may be written to
		e = startConnect(fd, to)
		return e != syscall.EINPROGRESS && e != syscall.EALREADY
	})
	if e != 0 && !errors.Is(e, syscall.EISCONN) {
		err = os.NewSyscallError("connect", e)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func startConnect(fd int32, to netip.AddrPort) syscall.Errno {
	bytes := to.Addr().AsSlice()
	record := [2]uint32{pointer(&bytes[0]), uint32(len(bytes))}
	defer runtime.KeepAlive(bytes)
	return sockConnect(fd, unsafe.Pointer(&record), uint32(to.Port()))
}
