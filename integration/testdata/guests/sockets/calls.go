package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"structs"
	"unsafe"
)

// errno is an errno of preview 1, or one that WasmEdge adds for names.
type errno uint32

var errnos = map[errno]string{
	0: "ok", 2: "acces", 3: "addrinuse", 4: "addrnotavail", 5: "afnosupport", 6: "again", 7: "already", 8: "badf",
	14: "connrefused", 15: "connreset", 17: "destaddrreq", 19: "dquot", 21: "fault", 23: "hostunreach", 26: "inprogress",
	28: "inval", 30: "isconn", 33: "mfile", 35: "msgsize", 40: "netunreach", 41: "nfile", 50: "noprotoopt", 53: "notconn",
	57: "notsock", 58: "notsup", 63: "perm", 64: "pipe", 73: "timedout", 76: "notcapable", 78: "again-name", 84: "no-name",
}

func (e errno) String() string {
	if name, ok := errnos[e]; ok {
		return name
	}
	return fmt.Sprintf("errno %d", uint32(e))
}

// buffer is a record of a pointer and a length, as lists of buffers and addresses have them.
type buffer struct {
	_               structs.HostLayout
	pointer, length uint32
}

// recent keeps what was passed to the host last: the collector does not know of it otherwise.
var recent struct {
	buffers [16][]byte
	next    int
}

func bufferOf(b []byte) *buffer {
	recent.buffers[recent.next%len(recent.buffers)] = b
	recent.next++
	return &buffer{pointer: uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), length: uint32(len(b))}
}

// poll waits for a descriptor to be readable ("r") or writable ("w").
func poll(a arguments) (errno, string) {
	var subscription, event [48]byte
	subscription[8] = 1
	if a.text(1) == "w" {
		subscription[8] = 2
	}
	binary.LittleEndian.PutUint32(subscription[16:], a.number(0))
	count := uint32(0)
	if e := pollOneoff(&subscription[0], &event[0], 1, &count); e != 0 {
		return e, ""
	}
	e := errno(binary.LittleEndian.Uint16(event[8:]))
	if event[24] != 0 {
		return e, "hangup"
	}
	return e, ""
}

const most = 8

// results are what resolve has filled in, where they do not move.
var results [most]struct {
	record  [28]byte
	address [12]byte
	data    [26]byte
}

// resolve looks up the IPv4 addresses of a name.
func resolve(name string) (errno, string) {
	pointer := func(p *byte) uint32 { return uint32(uintptr(unsafe.Pointer(p))) }
	for i := range results {
		r := &results[i]
		binary.LittleEndian.PutUint32(r.record[12:], pointer(&r.address[0]))
		if i+1 < most {
			binary.LittleEndian.PutUint32(r.record[24:], pointer(&results[i+1].record[0]))
		}
		binary.LittleEndian.PutUint32(r.address[4:], uint32(len(r.data)))
		binary.LittleEndian.PutUint32(r.address[8:], pointer(&r.data[0]))
	}
	hints := [28]byte{2: 1, 3: 2}
	first, count := pointer(&results[0].record[0]), uint32(0)
	text := bufferOf([]byte(name))
	e := sockGetAddrinfo(text.pointer, text.length, 0, 0, &hints[0], &first, most, &count)
	var addrs []string
	for _, r := range results[:count] {
		addrs = append(addrs, netip.AddrFrom4([4]byte(r.data[2:6])).String())
	}
	return e, strings.Join(addrs, " ")
}

//go:wasmimport wasi_snapshot_preview1 sock_open
//go:noescape
func sockOpen(family, kind uint32, fd *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_bind
//go:noescape
func sockBind(fd uint32, address *buffer, port uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_connect
//go:noescape
func sockConnect(fd uint32, address *buffer, port uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_listen
func sockListen(fd, backlog uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_accept
//go:noescape
func sockAccept(fd, flags uint32, accepted *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_recv
//go:noescape
func sockRecv(fd uint32, v *buffer, count, flags uint32, n, out *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_recv_from
//go:noescape
func sockRecvFrom(fd uint32, v *buffer, count uint32, address *buffer, flags uint32, port, n, out *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_send
//go:noescape
func sockSend(fd uint32, v *buffer, count, flags uint32, n *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_send_to
//go:noescape
func sockSendTo(fd uint32, v *buffer, count uint32, address *buffer, port, flags uint32, n *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_shutdown
func sockShutdown(fd, how uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_setsockopt
//go:noescape
func sockSetOption(fd, level, name uint32, value *uint32, size uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_getsockopt
//go:noescape
func sockGetOption(fd, level, name uint32, value *uint32, size uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_getpeeraddr
//go:noescape
func sockPeerAddr(fd uint32, address *buffer, port *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_getlocaladdr
//go:noescape
func sockLocalAddr(fd uint32, address *buffer, port *uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_getaddrinfo
//go:noescape
func sockGetAddrinfo(node, nodeSize, service, serviceSize uint32, hints *byte, results *uint32, most uint32, count *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_renumber
func fdRenumber(fd, to uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_close
func fdClose(fd uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_flags
func fdSetFlags(fd, flags uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_read
//go:noescape
func fdRead(fd uint32, v *buffer, count uint32, n *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_write
//go:noescape
func fdWrite(fd uint32, v *buffer, count uint32, n *uint32) errno

//go:wasmimport wasi_snapshot_preview1 poll_oneoff
//go:noescape
func pollOneoff(in, out *byte, count uint32, n *uint32) errno
