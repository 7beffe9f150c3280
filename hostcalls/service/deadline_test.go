package service

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeadlineMoves: requests one after the other move the deadline to and fro, and the timer of the connection is changed for the
// first one only, and when a read is stopped.
func TestDeadlineMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		armed := 0
		d := deadline{arm: func(time.Time) error { armed++; return nil }}
		const requests = 20
		request := func() {
			for _, due := range []time.Time{time.Now().Add(headerTimeout), {}, time.Unix(1, 0), {}, time.Now().Add(idleTimeout), {}} {
				if err := d.set(due); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Millisecond)
		}
		request()
		armed = 0
		for range requests {
			request()
		}
		if armed > 2*requests {
			t.Errorf("the timer was changed %d times by %d requests", armed, requests)
		}
	})
}

// TestDeadlinePasses: reading and writing time out when they are to, and not before, however the deadline was moved.
func TestDeadlinePasses(t *testing.T) {
	past := time.Unix(1, 0)
	for name, steps := range map[string][]time.Duration{
		"at once":        {3 * time.Second},
		"later":          {time.Second, 3 * time.Second},
		"earlier":        {time.Hour, 3 * time.Second},
		"none meanwhile": {time.Second, 0, 3 * time.Second},
		"stopped before": {time.Second, -1, 0, 3 * time.Second},
		"later, stopped": {-1, 3 * time.Second},
		"long after":     {-1, 0, time.Hour},
	} {
		for direction, use := range map[string]func(c *timed) error{
			"read":  func(c *timed) error { _, err := c.Read(make([]byte, 1)); return err },
			"write": func(c *timed) error { _, err := c.Write(make([]byte, 1)); return err },
		} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					defer near.Close()
					defer far.Close()
					c := newTimed(near)
					start := time.Now()
					for _, step := range steps {
						due := start.Add(step)
						switch step {
						case 0:
							due = time.Time{}
						case -1:
							due = past
						}
						if err := c.SetDeadline(due); err != nil {
							t.Fatal(err)
						}
					}
					err := use(c)
					if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != steps[len(steps)-1] {
						t.Errorf("%v after %v; want a timeout after %v", err, took, steps[len(steps)-1])
					}
				})
			})
		}
	}
}

// TestDeadlineStops: a read that has no deadline ends when it gets one that has passed.
func TestDeadlineStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		c := newTimed(near)
		failed := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			failed <- err
		}()
		time.Sleep(time.Hour)
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v; want a timeout", err)
		}
	})
}
