package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// A peer reaches what serves at an address, if it is of its tenant, and that is one of those that it listens at.
func TestReach(t *testing.T) {
	for _, tt := range []struct {
		serves, reaches string
		tenant          string
		want            bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", "t", true},
		{"127.0.0.1:80", "[::ffff:127.0.0.1]:80", "t", true},
		{"127.0.0.1:80", "127.0.0.1:80", "u", false},
		{"127.0.0.1:80", "127.0.0.1:81", "t", false},
		{"127.0.0.1:80", "127.0.0.2:80", "t", false},
		{"[::]:80", "127.0.0.1:80", "t", true},
		{"[::]:80", "[::1]:80", "t", true},
		{"0.0.0.0:80", "127.9.9.9:80", "t", true},
		{"[::]:80", "10.0.0.1:80", "t", false},
	} {
		peers := NewPeers()
		l := Peer{peers, "t", "server"}.Serve(at(tt.serves))
		accepted := make(chan net.Conn, 1)
		go func() {
			c, _ := l.Accept()
			accepted <- c
		}()
		c, err := Peer{peers, tt.tenant, "client"}.Reach(t.Context(), at(tt.reaches))
		if reached := err == nil; reached != tt.want || !reached && !errors.Is(err, ErrUnserved) {
			t.Errorf("%+v: %v", tt, err)
		}
		if err == nil {
			if theirs := <-accepted; ReachedPeer(c) != "server" || theirs.RemoteAddr().String() != "workload:client" {
				t.Errorf("%q is connected with %v", ReachedPeer(c), theirs.RemoteAddr())
			}
		}
		_ = l.Close()
		if len(peers.served.at) > 0 {
			t.Errorf("%v is left", peers.served.at)
		}
	}
	var none Peer
	l := none.Serve(at("127.0.0.1:80"))
	if _, err := none.Reach(t.Context(), at("127.0.0.1:80")); !errors.Is(err, ErrUnserved) {
		t.Errorf("without peers: %v", err)
	}
	_ = l.Close()
}

// Whoever waits to be accepted is told when nobody will, and waits no longer than it may.
func TestReachWaits(t *testing.T) {
	peers := NewPeers()
	client := Peer{peers, "t", "client"}
	l := Peer{peers, "t", "server"}.Serve(at("127.0.0.1:80"))
	late := errors.New("late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, late)
	defer cancel()
	if _, err := client.Reach(ctx, at("127.0.0.1:80")); !errors.Is(err, late) {
		t.Errorf("not accepted in time: %v", err)
	}
	ended := make(chan error)
	go func() {
		_, err := client.Reach(t.Context(), at("127.0.0.1:80"))
		ended <- err
	}()
	_ = l.Close()
	if err := <-ended; !errors.Is(err, ErrUnserved) {
		t.Errorf("the server has ended: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it still accepts: %v", err)
	}
}

// The errors of a connection are those of one over TCP.
func TestReachedErrors(t *testing.T) {
	peers := NewPeers()
	l := Peer{peers, "t", "server"}.Serve(at("127.0.0.1:80"))
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	mine, err := Peer{peers, "t", "client"}.Reach(t.Context(), at("127.0.0.1:80"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := <-accepted
	go func() { _, _ = theirs.Write([]byte("a")) }()
	if n, err := mine.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := theirs.Close(); err != nil {
		t.Error(err)
	}
	for what, tt := range map[string]struct {
		do   func(p []byte) (int, error)
		want error
	}{
		"reads after the end":  {mine.Read, io.EOF},
		"writes to nobody":     {mine.Write, syscall.EPIPE},
		"reads when closed":    {theirs.Read, net.ErrClosed},
		"writes when closed":   {theirs.Write, net.ErrClosed},
		"closes another time ": {func([]byte) (int, error) { return 0, theirs.Close() }, net.ErrClosed},
	} {
		if _, err := tt.do(make([]byte, 1)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", what, err, tt.want)
		}
	}
}
