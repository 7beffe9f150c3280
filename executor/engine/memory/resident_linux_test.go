package memory

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"unsafe"
)

// resident returns how many bytes of memory the process has of a view (proc_pid_pagemap(5)). It may have been given
// back by now.
func resident(t *testing.T, view []byte) int64 {
	t.Helper()
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skip(err)
	}
	defer pagemap.Close()
	page := int64(os.Getpagesize())
	entries := make([]byte, 8*(int64(len(view))/page))
	begin := int64(uintptr(unsafe.Pointer(unsafe.SliceData(view))))
	if _, err := pagemap.ReadAt(entries, begin/page*8); err != nil {
		t.Fatal(err)
	}
	const presentOrSwapped = 3 << 62
	var n int64
	for ; len(entries) > 0; entries = entries[8:] {
		if binary.NativeEndian.Uint64(entries)&presentOrSwapped != 0 {
			n += page
		}
	}
	return n
}

func TestResidentMemory(t *testing.T) {
	p := newPool(t, 0)
	a := p.NewAccount(0, nil)
	m := a.NewMemory(4 * gib)
	view := m.Reallocate(uint64(256 * mib))
	var touched int64
	for range 1000 {
		b := p.NewAccount(0, nil)
		defer b.Close()
		small := b.NewMemory(4 * gib).Reallocate(uint64(16 * PageBytes))
		small[0] = 1
		touched += resident(t, small)
	}
	if got := resident(t, view) + touched; got > 1000*int64(os.Getpagesize()) {
		t.Errorf("%d bytes resident for 256 MiB untouched and a thousand pages touched", got)
	}
	for at := 0; at < len(view); at += 4096 {
		view[at] = 1
	}
	if got := resident(t, view); got != 256*mib {
		t.Fatalf("%d bytes resident after 256 MiB were touched: the measure is wrong", got)
	}
	a.Close()
	p.reaper.running.Wait()
	if got := resident(t, view); got != 0 {
		t.Errorf("%d bytes resident after Close", got)
	}
}

// TestMoveKeepsUntouchedPagesUntouched: a move copies only pages that were written.
func TestMoveKeepsUntouchedPagesUntouched(t *testing.T) {
	p := newPool(t, 0)
	var got int64
	for range 128 {
		a := p.NewAccount(0, nil)
		defer a.Close()
		m := a.NewMemory(4 * gib)
		before := m.Reallocate(uint64(1 * mib))
		before[0] = 1
		after := m.Reallocate(uint64(4 * mib))
		if after[0] != 1 {
			t.Fatal("lost its contents")
		}
		if unsafe.SliceData(before) == unsafe.SliceData(after) {
			t.Fatal("it did not move")
		}
		got += resident(t, before) + resident(t, after)
	}
	if got > 128*int64(os.Getpagesize()) {
		t.Errorf("%d bytes resident for 128 guests that touched a page each", got)
	}
}

// TestClearKeepsUntouchedPagesUntouched: pages that nobody has touched need not be written.
func TestClearKeepsUntouchedPagesUntouched(t *testing.T) {
	p := newPool(t, 0)
	a := p.NewAccount(0, nil)
	defer a.Close()
	view := a.NewMemory(4 * gib).Reallocate(uint64(8 * mib))
	page := int64(os.Getpagesize())
	view[5*page], view[700*page] = 1, 1
	a.first.Clear(page, 4*mib-page)
	if got := resident(t, view); got != 2*page || view[5*page] != 0 || view[700*page] != 0 {
		t.Errorf("%d bytes resident after two pages were touched and all were cleared", got)
	}
	a.first.Clear(2*page+1, 2*page)
	if got := resident(t, view); got != 5*page {
		t.Errorf("%d bytes resident after parts of three pages were cleared again", got)
	}
}

// TestPageTableOfAnotherProcess: a page table that does not tell of this process is not used.
func TestPageTableOfAnotherProcess(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	other, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	defer other.Close()
	if (pageTable{file: other}).works() {
		t.Error("the page table of another process is used")
	}
}

// TestWipe: a slot of which few pages were written keeps them and reads as zeroes; others give their pages back, and so do those
// that are more than the pool keeps.
func TestWipe(t *testing.T) {
	page := int64(os.Getpagesize())
	for _, tt := range []struct {
		name          string
		size          int64
		first, number int64 // of the pages that are written
		kept          bool
	}{
		{"one of a small one", PageBytes, 3, 1, true},
		{"the last of a large one", 17 * mib, 17*mib/page - 1, 1, true},
		{"as many as are cleared", 17 * mib, 100, wipedPages, true},
		{"more", 17 * mib, 100, wipedPages + 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, 0)
			if p.pages.scanner == nil {
				t.Skip("the system can't tell which pages were written")
			}
			a := p.NewAccount(0, nil)
			view := a.NewMemory(tt.size).Reallocate(uint64(tt.size))
			for i := range tt.number {
				view[(tt.first+i)*page+7] = 1
			}
			a.Close()
			p.reaper.running.Wait()
			want := int64(0)
			if tt.kept {
				want = tt.number * page
			}
			if got := resident(t, view); got != want {
				t.Errorf("%d bytes are resident, want %d", got, want)
			}
			b := p.NewAccount(0, nil)
			defer b.Close()
			again := b.NewMemory(tt.size).Reallocate(uint64(tt.size))
			if unsafe.SliceData(again) != unsafe.SliceData(view) {
				t.Fatal("the next memory is in another slot")
			}
			for i, b := range again {
				if b != 0 {
					t.Fatalf("it has %d at %d", b, i)
				}
			}
		})
	}
}

// TestWarmSlotsAreBounded: after a crowd of guests a class has few slots with pages, and they are used before others.
func TestWarmSlotsAreBounded(t *testing.T) {
	p := newPool(t, 0)
	if p.pages.scanner == nil {
		t.Skip("the system can't tell which pages were written")
	}
	crowd := make([]*Account, 4*mostWarm)
	views := make([][]byte, len(crowd))
	for i := range crowd {
		crowd[i] = p.NewAccount(0, nil)
		views[i] = crowd[i].NewMemory(PageBytes).Reallocate(uint64(PageBytes))
		views[i][0] = 1
	}
	for _, a := range crowd {
		a.Close()
	}
	var got int64
	for _, view := range views {
		got += resident(t, view)
	}
	if want := mostWarm * int64(os.Getpagesize()); got != want {
		t.Errorf("%d bytes are resident, want %d", got, want)
	}
	a := p.NewAccount(0, nil)
	defer a.Close()
	if view := a.NewMemory(PageBytes).Reallocate(uint64(PageBytes)); resident(t, view) == 0 {
		t.Error("the next memory is in a slot without pages")
	}
}
