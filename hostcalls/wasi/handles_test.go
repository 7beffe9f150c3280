package wasi

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

// hostOf makes a Host with a driver, and with descriptors for the standard streams and n others.
func hostOf(t *testing.T, budget *hostcalls.Budget, n int) *Host {
	t.Helper()
	d := driver.New(driver.Config{})
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	store := &component.Store{}
	store.Guest.Init(d, "w")
	h := &Host{store: store}
	h.Handles.init(&abi.Config{Descriptors: 3 + n, Budget: budget, Owner: "w"})
	return h
}

// TestHandles: a component has as many as it may, if the node has them, and a share of the budget is taken until what is open has been
// closed.
func TestHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := hostcalls.NewBudget(100)
		d := &hostOf(t, budget, 2).Handles
		for range 2 {
			if err := d.Take(); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Take(); !errors.Is(err, syscall.EMFILE) || !d.Full() {
			t.Errorf("a third one: %v", err)
		}
		d.Closed()
		if used, _ := budget.Use(); d.Full() || used != 2 {
			t.Errorf("what is being closed: full %t, %d taken", d.Full(), used)
		}
		d.GiveBack()
		if used, _ := budget.Use(); used != 1 {
			t.Errorf("%d are taken, want one", used)
		}
		none := &hostOf(t, hostcalls.NewBudget(0), 2).Handles
		if err := none.Take(); !errors.Is(err, syscall.ENFILE) || none.Full() {
			t.Errorf("of a node without any: %v", err)
		}
	})
}

// TestRoom: whoever waits for room is told when the component closes something, and else after a while, unless it has stopped.
func TestRoom(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(h *Host, stop func())
		want time.Duration // after which it is told; 0: never
	}{
		{"something is closed", func(h *Host, _ func()) { time.Sleep(time.Millisecond); h.Handles.Closed() }, time.Millisecond},
		{"nothing is", func(*Host, func()) {}, retryRoom},
		{"it has stopped", func(h *Host, stop func()) { stop(); stop(); h.Handles.Closed() }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hostOf(t, nil, 1)
				if err := h.Handles.Take(); err != nil {
					t.Fatal(err)
				}
				began, told := time.Now(), make(chan time.Duration, 10)
				stop := Room{h}.Notify(func() { told <- time.Since(began) })
				defer stop()
				tt.do(h, stop)
				time.Sleep(10 * retryRoom)
				switch {
				case tt.want == 0 && len(told) > 0:
					t.Errorf("it is told after %v", <-told)
				case tt.want > 0 && len(told) != 1:
					t.Errorf("it is told %d times", len(told))
				case tt.want > 0:
					if got := <-told; got != tt.want {
						t.Errorf("it is told after %v, want %v", got, tt.want)
					}
				}
			})
		})
	}
}
