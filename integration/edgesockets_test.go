package integration

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// socketSignatures are the functions of the socket extension with their parameters: f is a descriptor, a a pointer to the
// record of an address, i another i32. The socket functions of preview 1 are there too: here they meet sockets.
var socketSignatures = []struct{ name, params string }{
	{"sock_open", "iii"},
	{"sock_bind", "fai"},
	{"sock_connect", "fai"},
	{"sock_listen", "fi"},
	{"sock_accept", "fi"},
	{"sock_accept", "fii"},
	{"sock_recv", "fiiiii"},
	{"sock_recv_from", "fiiaiii"},
	{"sock_recv_from", "fiiaiiii"},
	{"sock_send", "fiiii"},
	{"sock_send_to", "fiiaiii"},
	{"sock_shutdown", "fi"},
	{"sock_getsockopt", "fiiii"},
	{"sock_setsockopt", "fiiii"},
	{"sock_getlocaladdr", "fai"},
	{"sock_getlocaladdr", "faii"},
	{"sock_getpeeraddr", "fai"},
	{"sock_getpeeraddr", "faii"},
	{"sock_getaddrinfo", "iiiiiiii"},
	{"fd_read", "fiii"},
	{"fd_write", "fiii"},
	{"fd_renumber", "ff"},
	{"fd_close", "f"},
	{"fd_filestat_get", "fi"},
}

// Where edgeSockets has its records.
const (
	addressRecords = 8192
	addressBytes   = 12288
)

// malformed are the records of addresses: pointers and lengths that do not fit each other, the memory, or the families.
func malformed() (text string, places []int64) {
	var b []byte
	for _, pointer := range []uint32{0, addressBytes, addressBytes + 128, 65408, 65409, 65532, 65535, 65536, 1 << 31, 1<<32 - 1} {
		for _, length := range []uint32{0, 1, 3, 4, 5, 15, 16, 17, 127, 128, 129, 65536, 1 << 31, 1<<32 - 1} {
			places = append(places, addressRecords+int64(len(b)))
			b = binary.LittleEndian.AppendUint32(b, pointer)
			b = binary.LittleEndian.AppendUint32(b, length)
		}
	}
	for family := range uint32(4) { // storages of every family, one after the other
		places = append(places, addressRecords+int64(len(b)))
		b = binary.LittleEndian.AppendUint32(b, addressBytes+128*family)
		b = binary.LittleEndian.AppendUint32(b, 128)
	}
	return string(b), places
}

// edgeSockets calls one function with every edge for each argument while the others are harmless, and for all together, of
// sockets in several states. None of them blocks.
func edgeSockets(function, params, port string) *testkit.Program {
	p := &testkit.Program{}
	open := p.Import(wasi, "sock_open", "iii", true)
	setFlags := p.Import(wasi, "fd_fdstat_set_flags", "ii", true)
	connect := p.Import(wasi, "sock_connect", "iii", true)
	target := p.Import(wasi, function, strings.NewReplacer("f", "i", "a", "i").Replace(params), true)
	records, places := malformed()
	p.Store(addressRecords, records)
	for family := range 4 {
		p.Store(addressBytes+128*int64(family), string([]byte{byte(family), 0, 127, 0, 0, 1}))
	}
	p.Store(16, "\x30\x30\x00\x00\x04\x00\x00\x00") // a harmless record: four bytes at addressBytes
	p.Store(vectors, "\xfa\xff\x00\x00\x64\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff")
	const harmless, sockets = 16, 5
	for i, kind := range [sockets][2]int64{{1, 2}, {2, 2}, {1, 1}, {2, 1}, {1, 2}} {
		p.Call(open, kind[0], kind[1], 2048)
		p.Call(setFlags, 3+int64(i), 4)
	}
	p.Store(2056, "\x10\x08\x00\x00\x04\x00\x00\x00\x7f\x00\x00\x01")
	number := int64(0)
	for _, c := range port {
		number = 10*number + int64(c-'0')
	}
	p.Call(connect, 7, 2056, number)
	for fd := int64(2); fd < 3+sockets+1; fd++ {
		for position := -1; position < len(params); position++ {
			values := edges
			if position >= 0 && params[position] == 'a' {
				values = append(append([]int64{}, edges...), places...)
			}
			for _, edge := range values {
				args := make([]int64, len(params))
				for i, kind := range params {
					switch {
					case kind == 'f' && i == 0:
						args[i] = fd
					case position == -1 || position == i:
						args[i] = edge
					default:
						args[i] = harmless
					}
				}
				p.Call(target, args...)
			}
		}
		if !strings.HasPrefix(params, "f") {
			break
		}
	}
	return p
}

// Whatever a guest passes to the calls for sockets, it gets an errno back, as in TestEdgesOfMemory.
func TestEdgesOfSockets(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	address, _ := testkit.NeverAnswers(t)
	_, port, _ := strings.Cut(address, ":")
	var ids []string
	meanwhile(t, d, func() {
		for _, f := range socketSignatures {
			ids = append(ids, d.Submit(t, &reactorv1.WorkloadSpec{
				Module: d.Push(t, edgeSockets(f.name, f.params, port).Bytes("")), Name: f.name, Grants: dialGrant(address),
			}))
		}
		for i, id := range ids {
			if s := d.WaitFor(t, id); s.GetState() != succeeded {
				t.Errorf("%s: %v", socketSignatures[i].name, s)
			}
		}
	})
	if log := d.Log(); strings.Contains(log, `"level":"error"`) {
		t.Errorf("the daemon has logged errors:\n%s", log)
	}
}
