// Command sockets is a guest that uses sockets as its arguments say, one operation each, and prints what came of it: the
// name of the errno and the result. It uses the WasmEdge extension of preview 1 as it is, so that nothing else is in the
// way. With the prefix "until" an operation is repeated until it fails, and its last result is printed.
package main

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	for _, line := range os.Args[1:] {
		fmt.Printf("%s: %s\n", line, do(strings.Fields(line)))
	}
}

func do(words []string) string {
	if words[0] == "until" {
		for {
			if result := do(words[1:]); !strings.HasPrefix(result, "ok") {
				return result
			}
		}
	}
	verb, ok := verbs[words[0]]
	if !ok {
		return "no such operation"
	}
	e, result := verb(arguments(words[1:]))
	return strings.TrimSpace(e.String() + " " + strings.TrimSpace(result))
}

// arguments are the words after an operation's name.
type arguments []string

func (a arguments) text(i int) string {
	if i >= len(a) {
		return ""
	}
	if size, ok := strings.CutPrefix(a[i], "x*"); ok { // as many bytes
		n, _ := strconv.Atoi(size)
		return strings.Repeat("x", n)
	}
	return a[i]
}

func (a arguments) number(i int) uint32 {
	n, _ := strconv.ParseInt(a.text(i), 0, 64)
	return uint32(n)
}

func (a arguments) address(i int) netip.AddrPort {
	to, err := netip.ParseAddrPort(a.text(i))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	return to
}

var verbs = map[string]func(arguments) (errno, string){
	"open": func(a arguments) (errno, string) {
		kinds := map[string][2]uint32{"tcp4": {1, 2}, "tcp6": {2, 2}, "udp4": {1, 1}, "udp6": {2, 1}}
		kind := kinds[a.text(0)]
		fd := uint32(0)
		e := sockOpen(kind[0], kind[1], &fd)
		return e, fmt.Sprint(fd)
	},
	"bind":    func(a arguments) (errno, string) { return withAddress(a, sockBind), "" },
	"connect": func(a arguments) (errno, string) { return withAddress(a, sockConnect), "" },
	"listen":  func(a arguments) (errno, string) { return sockListen(a.number(0), 16), "" },
	"accept": func(a arguments) (errno, string) {
		fd := uint32(0)
		e := sockAccept(a.number(0), 0, &fd)
		return e, fmt.Sprint(fd)
	},
	"read":     func(a arguments) (errno, string) { return read(a, fdRead) },
	"drain":    drain,
	"recv":     receive,
	"recvfrom": receiveFrom,
	"write":    func(a arguments) (errno, string) { return write(a, fdWrite) },
	"send": func(a arguments) (errno, string) {
		return write(a, func(fd uint32, v *buffer, count uint32, n *uint32) errno { return sockSend(fd, v, count, 0, n) })
	},
	"sendto":   sendTo,
	"shutdown": func(a arguments) (errno, string) { return sockShutdown(a.number(0), a.number(1)), "" },
	"nonblock": func(a arguments) (errno, string) { return fdSetFlags(a.number(0), 4), "" },
	"renumber": func(a arguments) (errno, string) { return fdRenumber(a.number(0), a.number(1)), "" },
	"close":    func(a arguments) (errno, string) { return fdClose(a.number(0)), "" },
	"poll":     poll,
	"resolve":  func(a arguments) (errno, string) { return resolve(a.text(0)) },
	"set": func(a arguments) (errno, string) {
		value := a.number(2)
		return sockSetOption(a.number(0), 0, a.number(1), &value, 4), ""
	},
	"get": func(a arguments) (errno, string) {
		value := uint32(0)
		e := sockGetOption(a.number(0), 0, a.number(1), &value, 4)
		return e, fmt.Sprint(int32(value))
	},
	"peer":  func(a arguments) (errno, string) { return addressOf(a, sockPeerAddr) },
	"local": func(a arguments) (errno, string) { return addressOf(a, sockLocalAddr) },
	"storm": storm,
	"sleep": func(a arguments) (errno, string) {
		time.Sleep(time.Duration(a.number(0)) * time.Millisecond)
		return 0, ""
	},
	"exit": func(a arguments) (errno, string) { os.Exit(int(a.number(0))); return 0, "" },
}

func withAddress(a arguments, call func(fd uint32, address *buffer, port uint32) errno) errno {
	to := a.address(1)
	return call(a.number(0), bufferOf(to.Addr().AsSlice()), uint32(to.Port()))
}

func read(a arguments, call func(fd uint32, v *buffer, count uint32, n *uint32) errno) (errno, string) {
	buf, n := make([]byte, a.number(1)), uint32(0)
	e := call(a.number(0), bufferOf(buf), 1, &n)
	return e, shortened(buf[:n])
}

// storm opens a connection to an address and closes it, as often as it is told, or until that fails.
func storm(a arguments) (errno, string) {
	to, count := a.address(0), int(a.number(1))
	for i := range count {
		fd := uint32(0)
		if e := sockOpen(1, 2, &fd); e != 0 {
			return e, fmt.Sprint(i)
		}
		e := sockConnect(fd, bufferOf(to.Addr().AsSlice()), uint32(to.Port()))
		fdClose(fd)
		if e != 0 {
			return e, fmt.Sprint(i)
		}
	}
	return 0, fmt.Sprint(count)
}

// drain reads to the end, and tells how many bytes there were.
func drain(a arguments) (errno, string) {
	buf := make([]byte, 1<<16)
	for total := 0; ; {
		n := uint32(0)
		if e := fdRead(a.number(0), bufferOf(buf), 1, &n); e != 0 || n == 0 {
			return e, fmt.Sprint(total)
		}
		total += int(n)
	}
}

func receive(a arguments) (errno, string) {
	out := uint32(0)
	e, text := read(a, func(fd uint32, v *buffer, count uint32, n *uint32) errno {
		return sockRecv(fd, v, count, 0, n, &out)
	})
	if out != 0 {
		text += " truncated"
	}
	return e, text
}

func receiveFrom(a arguments) (errno, string) {
	from, port, out := make([]byte, 128), uint32(0), uint32(0)
	address := bufferOf(from)
	e, text := read(a, func(fd uint32, v *buffer, count uint32, n *uint32) errno {
		return sockRecvFrom(fd, v, count, address, 0, &port, n, &out)
	})
	if out != 0 {
		text += " truncated"
	}
	return e, text
}

func write(a arguments, call func(fd uint32, v *buffer, count uint32, n *uint32) errno) (errno, string) {
	n := uint32(0)
	e := call(a.number(0), bufferOf([]byte(a.text(1))), 1, &n)
	return e, fmt.Sprint(n)
}

func sendTo(a arguments) (errno, string) {
	to, n := a.address(1), uint32(0)
	address := bufferOf(to.Addr().AsSlice())
	e := sockSendTo(a.number(0), bufferOf([]byte(a.text(2))), 1, address, uint32(to.Port()), 0, &n)
	return e, fmt.Sprint(n)
}

func addressOf(a arguments, call func(fd uint32, address *buffer, port *uint32) errno) (errno, string) {
	record, port := make([]byte, 128), uint32(0)
	e := call(a.number(0), bufferOf(record), &port)
	size := 4
	if record[0] == 2 {
		size = 16
	}
	addr, _ := netip.AddrFromSlice(record[2 : 2+size])
	return e, netip.AddrPortFrom(addr, uint16(port)).String()
}

// shortened keeps what is printed short.
func shortened(b []byte) string {
	if len(b) > 64 {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return string(b)
}
