package interrupt

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

func TestSequence(t *testing.T) {
	type event struct {
		signal syscall.Signal
		at     time.Duration
		want   verdict
	}
	for name, events := range map[string][]event{
		"two interrupts": {{syscall.SIGINT, 0, first}, {syscall.SIGINT, time.Second, again}},
		"one, sent to the process and to its group": {
			{syscall.SIGTERM, 0, first}, {syscall.SIGTERM, time.Millisecond, ignored}, {syscall.SIGTERM, echo, again},
		},
		"a closed terminal": {
			{syscall.SIGHUP, 0, first}, {syscall.SIGHUP, time.Second, ignored}, {syscall.SIGHUP, 2 * time.Second, ignored}, {syscall.SIGTERM, 3 * time.Second, again},
		},
		"an interrupt, and the terminal is closed": {{syscall.SIGINT, 0, first}, {syscall.SIGHUP, time.Second, ignored}},
	} {
		var s sequence
		start := time.Now()
		for i, e := range events {
			if got := s.take(e.signal, start.Add(e.at)); got != e.want {
				t.Errorf("%s: signal %d: got %d, want %d", name, i, got, e.want)
			}
		}
	}
}

func TestExitStatus(t *testing.T) {
	for number, want := range map[syscall.Signal]int{syscall.SIGHUP: 129, syscall.SIGINT: 130, syscall.SIGQUIT: 131, syscall.SIGTERM: 143} {
		if got := (Signal{number}).ExitStatus(); got != want {
			t.Errorf("%v: got %d, want %d", number, got, want)
		}
	}
}

func TestDo(t *testing.T) {
	if v, err := Do(t.Context(), func() (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	stuck := make(chan struct{})
	defer close(stuck)
	_, err := Do(ctx, func() (int, error) {
		cancel(cause)
		<-stuck
		return 0, nil
	})
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
