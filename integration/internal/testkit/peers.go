package testkit

import (
	"context"
	"io"
	"net"
	"testing"
)

// Serve accepts connections on loopback until the test's end, and calls serve for each on a goroutine of its own. The
// connection is closed when serve returns, and at the test's end at the latest.
func Serve(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	return serveAt(t, "127.0.0.1", serve)
}

func serveAt(t testing.TB, host string, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", net.JoinHostPort(host, "0")) //nolint:noctx // it does not block
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
				serve(c)
				stop()
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// NeverReads accepts connections, and neither reads nor writes.
func NeverReads(t testing.TB) (address string) {
	t.Helper()
	return NeverReadsAt(t, "127.0.0.1")
}

// NeverReadsAt is NeverReads at another address of loopback.
func NeverReadsAt(t testing.TB, host string) (address string) {
	t.Helper()
	return serveAt(t, host, func(net.Conn) { <-t.Context().Done() })
}

// NeverAnswers accepts connections, reads what comes, and writes nothing. It tells how each ended: nil if its peer ended
// it in order. Whoever lets more than 64 connections end has to receive.
func NeverAnswers(t testing.TB) (address string, ended <-chan error) {
	t.Helper()
	ends := make(chan error, 64)
	return Serve(t, func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		select {
		case ends <- err:
		case <-t.Context().Done():
		}
	}), ends
}

// HangsUp accepts connections and closes them.
func HangsUp(t testing.TB) (address string) {
	t.Helper()
	return Serve(t, func(net.Conn) {})
}

// Echoes accepts connections and sends back what comes, until the peer has ended its half.
func Echoes(t testing.TB) (address string) {
	t.Helper()
	return Serve(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
}

// Datagrams is a UDP socket of loopback that the test may use or leave alone.
func Datagrams(t testing.TB) (socket *net.UDPConn, address string) {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket, socket.LocalAddr().String()
}

// EchoesDatagrams returns each datagram to its sender.
func EchoesDatagrams(t testing.TB) (address string) {
	t.Helper()
	socket, address := Datagrams(t)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = socket.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return address
}
