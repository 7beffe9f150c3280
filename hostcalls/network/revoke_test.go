package network_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

func TestRevoke(t *testing.T) {
	for _, d := range []network.Direction{network.In, network.Out} {
		n, client, peer, g := connected(t, network.Config{})
		for err := error(nil); err == nil; { // no room
			_, err = client.Write(make([]byte, 4096))
		}
		told := 0
		client.Notify(d, func() { told++ })
		stop := client.Notify(d, func() { told += 100 })
		stop()
		if told != 0 {
			t.Fatal("it is ready")
		}
		g.revoke()
		if told != 1 {
			t.Errorf("direction %d: told %d times, want once", d, told)
		}
		_, readErr := client.Read(make([]byte, 1), false)
		_, writeErr := client.Write([]byte("x"))
		_, optionErr := client.Option(network.NoDelay)
		for what, err := range map[string]error{
			"Read": readErr, "Write": writeErr, "Option": optionErr, "SetOption": client.SetOption(network.NoDelay, 1),
			"Shutdown": client.Shutdown(true, true), "FinishConnect": client.FinishConnect(),
		} {
			if !errors.Is(err, network.ErrRevoked) {
				t.Errorf("%s: %v, want ErrRevoked", what, err)
			}
		}
		now := false
		client.Notify(d, func() { now = true })
		if !now {
			t.Error("a new wait is not told at once")
		}
		if _, hangup := peer.Level(network.In); !hangup {
			t.Error("the connection is still open")
		}
		if n.Open() != 1 {
			t.Errorf("%d sockets, want the one that the guest has not closed", n.Open())
		}
		if err := client.Close(); err != nil || n.Open() != 0 {
			t.Errorf("Close: %v, %d sockets", err, n.Open())
		}
		if _, err := client.Read(make([]byte, 1), false); !errors.Is(err, network.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
		if c, err := connect(t, n, server); !errors.Is(err, network.ErrRevoked) {
			// the twin's access still has it, as if the revocation came just after it was asked
			t.Errorf("connect by a revoked grant: %v, %v", c, err)
		}
	}
}

// What a listener has accepted goes with its grant, and sockets that are closed leave nothing with it.
func TestRevokeListener(t *testing.T) {
	s := networktest.New()
	g := &permit{name: "--listen=10.0.0.1:80"}
	n := network.New(network.Config{Stack: s})
	l, err := n.Adopt(listen(t, s, "10.0.0.1:80"), g, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Storm(addrPort("10.0.0.1:80"), 2)
	first, second := accept(t, l), accept(t, l)
	if g.holders() != 3 {
		t.Errorf("the grant has %d holders, want 3", g.holders())
	}
	_ = first.Close()
	if g.holders() != 2 {
		t.Errorf("the grant has %d holders after one was closed", g.holders())
	}
	g.revoke()
	_, readErr := second.Read(make([]byte, 1), false)
	_, acceptErr := l.Accept()
	if !errors.Is(readErr, network.ErrRevoked) || !errors.Is(acceptErr, network.ErrRevoked) {
		t.Errorf("Read: %v, Accept: %v", readErr, acceptErr)
	}
	late, err := n.Adopt(listen(t, s, "10.0.0.1:81"), g, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Accept(); !errors.Is(err, network.ErrRevoked) {
		t.Errorf("a listener by a grant that was revoked before: %v", err)
	}
}

func TestRevokeAgainstUse(t *testing.T) {
	for range 50 {
		_, client, _, g := connected(t, network.Config{})
		var revoking sync.WaitGroup
		revoking.Go(g.revoke)
		p := make([]byte, 10)
		for err := error(nil); !errors.Is(err, network.ErrRevoked); {
			_, err = client.Write(p)
			if err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
				_, err = client.Read(p, false)
			}
			client.Notify(network.In, func() {})()
		}
		revoking.Wait()
		_ = client.Close()
	}
}
