package piped

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(c, c)
					_ = c.Close()
				}()
			}
		}()
		for range 2 {
			c, err := l.Dial()
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 2)
			if _, err := c.Write([]byte("hi")); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(c, got); err != nil || string(got) != "hi" {
				t.Errorf("%q, %v", got, err)
			}
			_ = c.Close()
		}
		_, _ = l.Close(), l.Close()
		if _, err := l.Dial(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}
