package endpoint

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A daemon that is killed resets the connections that it has not taken yet: that is no sign of another program.
func TestAdvice(t *testing.T) {
	const preface = "connection error: desc = \"error reading server preface: "
	const start = "start one with `reactord`, or name another with --addr"
	dir, err := os.MkdirTemp("", "advice") //nolint:usetesting // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	listening, gone := "unix://"+filepath.Join(dir, "s"), "unix://"+filepath.Join(dir, "gone")
	for _, tt := range []struct {
		name, address, why string
		own                bool
		want               string
	}{
		{"nothing there", gone, "dial unix: no such file or directory", false, start},
		{"no own daemon", gone, "dial unix: no such file or directory", true, start},
		{"reset, and gone", gone, preface + `read unix @->/s: connection reset by peer"`, false, start},
		{"closed, and gone", closed.Addr().String(), preface + `EOF"`, false, start},
		{"reset, and there", listening, preface + `read unix @->/s: connection reset by peer"`, false, "has closed the connection: try again"},
		{"closed, and there", port.Addr().String(), preface + `EOF"`, false, "has closed the connection: try again"},
		{"mute", listening, preface + `use of closed network connection"`, false, "does not answer as a daemon does"},
		{"HTTP/1.1", gone, preface + `http2: failed reading the frame payload: unexpected EOF, note that the frame header looked like an HTTP/1.1 header"`, false, "does not answer as a daemon does"},
		{"another protocol", listening, preface + `http2: frame too large"`, false, "does not answer as a daemon does"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &Endpoint{Address: tt.address, Own: tt.own}
			if got := e.Advice(tt.why); !strings.Contains(got, tt.want) {
				t.Errorf("the advice is %q, want %q", got, tt.want)
			}
		})
	}
}
