package network

import (
	"errors"
	"testing"

	"github.com/reactord/reactord/hostcalls"
)

func TestPeers(t *testing.T) {
	peers := NewPeers()
	server, client, stranger := Peer{peers, "t", "server"}, Peer{peers, "t", "client"}, Peer{peers, "u", "client"}
	told := false
	defer client.Arrival("server", "").Notify(func() { told = true })()
	if _, err := client.Dial("server", ""); !errors.Is(err, hostcalls.ErrWouldBlock) || told {
		t.Fatalf("before the server listens: %v, %t", err, told)
	}
	l, err := server.Listen("a")
	if err != nil || !told {
		t.Fatal(err, told)
	}
	if _, err := server.Listen("a"); err == nil {
		t.Error("two listeners have one name")
	}
	for who, p := range map[string]Peer{"another tenant": stranger, "another name": client} {
		name := ""
		if p == client {
			name = "b"
		}
		if _, err := p.Dial("server", name); !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Errorf("%s: %v", who, err)
		}
	}
	for _, of := range []struct{ id, name, says string }{
		{"nobody", "", "workload nobody is not there, or does not listen for other workloads"},
		{"nobody", "b", "workload nobody is not there, or does not listen for other workloads"},
		{"server", "b", `workload server has no listener "b" for other workloads`},
	} {
		if _, err := client.Dial(of.id, of.name); err == nil || err.Error() != of.says {
			t.Errorf("%s/%s: %v, want %s", of.id, of.name, err, of.says)
		}
	}
	c, err := client.Dial("server", "a")
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	process := New(Config{})
	for _, end := range []struct {
		tcp  TCP
		peer string
	}{{c, "server"}, {s, "client"}} {
		adopted, err := process.Adopt(end.tcp, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		if op := Op(adopted, hostcalls.OpRead, In, 0); op.Peer() != end.peer || op.Target != "workload "+end.peer {
			t.Errorf("it waits for %q, as for %q, want %q", op.Peer(), op.Target, end.peer)
		}
	}
	_, _ = c.Write([]byte("ping"))
	b := make([]byte, 8)
	if n, err := s.Read(b, false); string(b[:n]) != "ping" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	other, err := server.Listen("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Dial("server", ""); err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("one of two is chosen: %v", err)
	}
	for range peerBacklog {
		if _, err := client.Dial("server", "b"); err != nil {
			t.Fatal(err)
		}
	}
	room := false
	defer client.Arrival("server", "b").Notify(func() { room = true })()
	if _, err := client.Dial("server", "b"); !errors.Is(err, hostcalls.ErrWouldBlock) || room {
		t.Errorf("the queue has no end: %v, %t", err, room)
	}
	if _, err := other.Accept(); err != nil || !room {
		t.Errorf("%v, %t", err, room)
	}
	for _, l := range []TCP{l, other} {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	stop := client.Arrival("server", "").Notify(func() {})
	stop()
	stop()
	if len(peers.listeners)+len(peers.awaited) > 1 { // the first Arrival is stopped with the test
		t.Errorf("%v and %v are left", peers.listeners, peers.awaited)
	}
	if _, err := (Peer{}).Dial("server", ""); !errors.Is(err, ErrNoPeers) {
		t.Error(err)
	}
}
