package memory

import (
	"bytes"
	"slices"
	"testing"
)

// TestAnnex: what is attached to an account is zeroed, is counted until its pages have been returned, and goes with the
// account. The next one reads zeroes.
func TestAnnex(t *testing.T) {
	for _, tt := range []struct {
		name              string
		size, reserve     int64
		countedUntilClose bool // not longer
	}{
		{"small", 20 * kib, 20 * kib, true},
		{"of a class", 256 * kib, 300 * kib, true},
		{"large", 32 * mib, 32 * mib, false},
		{"large, and hardly counted", 32 * mib, 1 * mib, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, 1*gib)
			for range 3 {
				a := p.NewAccount(0, nil)
				if !a.Reserve(tt.reserve) {
					t.Fatal("refused")
				}
				memory := a.NewMemory(PageBytes).Reallocate(uint64(PageBytes))
				annex, err := a.Attach(tt.size)
				if err != nil {
					t.Fatal(err)
				}
				if int64(len(annex)) != tt.size || len(bytes.TrimLeft(annex, "\x00")) > 0 {
					t.Fatalf("%d bytes, of which %d are not zero", len(annex), len(bytes.TrimLeft(annex, "\x00")))
				}
				for i := range annex {
					annex[i] = 1
				}
				if slices.Contains(memory, 1) {
					t.Error("it is in the linear memory")
				}
				if used := tt.reserve + PageBytes; a.Used() != used || p.Used() != used {
					t.Errorf("%d bytes are counted, %d in all, want %d", a.Used(), p.Used(), used)
				}
				a.Close()
				a.Close()
				if a.Used() != 0 {
					t.Errorf("the closed account counts %d bytes", a.Used())
				}
				if tt.countedUntilClose && p.Used() != 0 {
					t.Errorf("the pool counts %d bytes", p.Used())
				}
				p.reaper.running.Wait()
				if p.Used() != 0 || p.Freeing() != 0 {
					t.Errorf("the pool counts %d bytes, and %d as freeing", p.Used(), p.Freeing())
				}
			}
			reserved := int64(0)
			for c := range p.classes {
				for _, arena := range p.classes[c].arenas {
					reserved += int64(len(arena)) - int64(len(p.classes[c].fresh))
				}
			}
			if most := 2 * max(tt.size, 256*kib); reserved > most+PageBytes {
				t.Errorf("slots of %d bytes were used, so they are not used again", reserved)
			}
		})
	}
}
