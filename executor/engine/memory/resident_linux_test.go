package memory

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// resident returns the resident bytes of this process (proc_pid_statm(5)).
func resident(t *testing.T) int64 {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func TestResidentMemory(t *testing.T) {
	p := newPool(t, 0)
	start := resident(t)
	grown := func() int64 { return resident(t) - start }

	a := p.NewAccount(0, nil)
	m := a.Allocate(0, uint64(4*gib))
	view := m.Reallocate(uint64(256 * mib))
	for range 1000 {
		b := p.NewAccount(0, nil)
		defer b.Close()
		b.Allocate(0, uint64(4*gib)).Reallocate(uint64(16 * PageBytes))[0] = 1
	}
	if got := grown(); got > 32*mib {
		t.Errorf("%d bytes resident for 256 MiB untouched and a thousand pages touched", got)
	}
	for at := 0; at < len(view); at += 4096 {
		view[at] = 1
	}
	if got := grown(); got < 200*mib {
		t.Fatalf("%d bytes resident after 256 MiB were touched: the measure is wrong", got)
	}
	a.Close()
	p.reaper.running.Wait()
	if got := grown(); got > 32*mib {
		t.Errorf("%d bytes resident after Close", got)
	}
}

// TestMoveKeepsUntouchedPagesUntouched: what moves is what was written.
func TestMoveKeepsUntouchedPagesUntouched(t *testing.T) {
	p := newPool(t, 0)
	start := resident(t)
	for range 128 {
		a := p.NewAccount(0, nil)
		defer a.Close()
		m := a.Allocate(0, uint64(4*gib))
		m.Reallocate(uint64(1 * mib))[0] = 1
		if m.Reallocate(uint64(4 * mib))[0] != 1 {
			t.Fatal("lost its contents")
		}
	}
	if got := resident(t) - start; got > 32*mib {
		t.Errorf("%d bytes resident for 128 guests that touched a page each", got)
	}
}
