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
	for _, of := range []struct {
		by       Peer
		id, name string
		want     bool
	}{{client, "server", "", true}, {client, "server", "a", true}, {client, "server", "b", false}, {client, "nobody", "", false}, {stranger, "server", "a", false}} {
		if got := of.by.Listens(of.id, of.name); got != of.want {
			t.Errorf("for %s %s listens at %q: %t", of.by.Tenant, of.id, of.name, got)
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

// account is a Memory with a limit.
type account struct{ limit, held int64 }

func (a *account) Hold(bytes int64) bool {
	if a.held+bytes > a.limit {
		return false
	}
	a.held += bytes
	return true
}

func (a *account) Free(bytes int64) { a.held -= bytes }

// TestConnectionsAreHeld: what a process has not received yet is its memory, for as long as the connection is open, and nobody's
// before that.
func TestConnectionsAreHeld(t *testing.T) {
	const each = hostcalls.DefaultPipeCapacity
	peers := NewPeers()
	inner, err := Peer{peers, "t", "server"}.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	memory := &account{limit: 2*each - 1}
	process := New(Config{Memory: memory})
	l, err := process.Adopt(inner, nil, "")
	if err != nil || memory.held != 0 {
		t.Fatal(err, memory.held)
	}
	if _, err := l.Accept(); !errors.Is(err, hostcalls.ErrWouldBlock) || memory.held != 0 {
		t.Errorf("without a connection: %v, %d bytes are held", err, memory.held)
	}
	clientMemory := &account{limit: 2 * each}
	client := New(Config{Memory: clientMemory})
	var clients []TCP
	for range 2 {
		c, err := Peer{peers, "t", "client"}.Dial("server", "")
		if err == nil {
			c, err = client.Adopt(c, nil, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	if clientMemory.held != 2*each {
		t.Errorf("the client holds %d bytes", clientMemory.held)
	}
	told := false
	defer clients[0].Notify(Out, func() { told = true })()
	if _, err := clients[0].Write([]byte("x")); !errors.Is(err, hostcalls.ErrWouldBlock) || told {
		t.Errorf("before it is accepted: %v, told %t", err, told)
	}
	first, err := l.Accept()
	if err != nil || memory.held != each || !told {
		t.Fatal(err, memory.held, told)
	}
	if n, err := clients[0].Write([]byte("x")); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := l.Accept(); !errors.Is(err, ErrTooManySockets) || memory.held != each {
		t.Errorf("without memory: %v, %d bytes are held", err, memory.held)
	}
	if err := first.Close(); err != nil || memory.held != 0 {
		t.Error(err, memory.held)
	}
	second, err := l.Accept() // it was left waiting
	if err != nil || memory.held != each {
		t.Fatal(err, memory.held)
	}
	for _, s := range append(clients, second, l) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if memory.held != 0 || clientMemory.held != 0 {
		t.Errorf("%d and %d bytes are held in the end", memory.held, clientMemory.held)
	}
	full := New(Config{Memory: &account{}})
	end, _ := Pair(0)
	if _, err := full.Adopt(end, nil, ""); !errors.Is(err, ErrTooManySockets) {
		t.Error(err)
	}
}
