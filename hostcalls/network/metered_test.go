package network

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// piped returns a metered connection, and what is at its other end, which reads and echoes all.
func piped(t *testing.T, limits TrafficLimits) (*Traffic, net.Conn, net.Conn) {
	near, far := net.Pipe()
	traffic := NewTraffic(nil, limits)
	c := Metered(near, traffic)
	t.Cleanup(func() { _, _ = c.Close(), far.Close() })
	return traffic, c, far
}

func TestMeteredCounts(t *testing.T) {
	traffic, c, far := piped(t, TrafficLimits{Sent: 10, Received: 4})
	go func() {
		_, _ = io.CopyN(io.Discard, far, 10)
		_, _ = far.Write([]byte("hello"))
	}()
	if n, err := c.Write(make([]byte, 12)); n != 10 || !errors.Is(err, ErrQuota) {
		t.Errorf("Write = %d, %v", n, err)
	}
	b := make([]byte, 10)
	if n, err := c.Read(b); n != 4 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	if n, err := c.Read(b); n != 0 || !errors.Is(err, ErrQuota) {
		t.Errorf("Read = %d, %v", n, err)
	}
	if traffic.Sent() != 10 || traffic.Received() != 4 {
		t.Errorf("%d bytes were sent and %d received", traffic.Sent(), traffic.Received())
	}
}

func TestMeteredRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, far := piped(t, TrafficLimits{BytesPerSecond: 1000})
		go func() { _, _ = io.Copy(io.Discard, far) }()
		start := time.Now()
		if n, err := c.Write(make([]byte, 1100)); n != 1100 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("1100 bytes took %v", took)
		}
		_ = c.SetWriteDeadline(time.Now().Add(time.Second / 2))
		if n, err := c.Write(make([]byte, 2000)); n >= 2000 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v", n, err)
		}
		_ = c.SetDeadline(time.Time{})
		time.AfterFunc(time.Second/2, func() { _ = c.Close() })
		if _, err := c.Write(make([]byte, 2000)); err == nil {
			t.Error("it writes on after it was closed")
		}
	})
}
