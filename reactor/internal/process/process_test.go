package process

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestReadMemory(t *testing.T) {
	debug.FreeOSMemory() // or what the block takes was there before
	var reader MemoryReader
	before := reader.Read(0)
	if before.Resident == 0 || before.Heap == 0 {
		t.Fatalf("read %+v", before)
	}
	if before.Peak != 0 && before.Peak < before.Resident {
		t.Errorf("the peak %d is below the resident %d", before.Peak, before.Resident)
	}
	const size = 64 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after := reader.Read(0)
	if after.Heap < before.Heap+size/2 || after.Resident < before.Resident+size/2 {
		t.Errorf("after touching %d bytes: %+v, before: %+v", size, after, before)
	}
	runtime.KeepAlive(block)
}

func TestMachineMemory(t *testing.T) {
	if n := MachineMemory(); n < 64<<20 || n > 1<<50 {
		t.Errorf("MachineMemory = %d", n)
	}
}

// TestPeakOfSharedMemory: the peak is that of what the process took, also when what was counted more than once is gone.
func TestPeakOfSharedMemory(t *testing.T) {
	const files = 10
	var r MemoryReader
	for i, step := range []struct {
		reported  resident
		now, peak uint64
	}{
		{resident{now: 100, peak: 100}, 110, 110},                       // files are not mapped yet
		{resident{now: 100 + files, peak: 120, files: files}, 110, 120}, // each is mapped once
		{resident{now: 1200, peak: 1250, files: 1000}, 210, 260},        // a hundred times
		{resident{now: 100, peak: 1250}, 110, 260},                      // the guests have ended
		{resident{now: 500, peak: 1250, files: 0}, 510, 510},            // others take more, not shared
		{resident{now: 2000, peak: 2000, files: 1900}, 110, 510},        // more guests
		{resident{now: 5, peak: 5, files: 50}, files, 510},              // what can't be
		{resident{now: 100, peak: 3000, files: files + 10}, 90, 1110},   // a peak between two readings
	} {
		if now, peak := r.count(step.reported, files); now != step.now || peak != step.peak {
			t.Errorf("step %d: %d, peak %d, want %d, peak %d", i, now, peak, step.now, step.peak)
		}
	}
}
