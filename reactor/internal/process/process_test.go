package process

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestReadMemory(t *testing.T) {
	debug.FreeOSMemory() // or what the block takes was there before
	before := ReadMemory(0)
	if before.Resident == 0 || before.Heap == 0 {
		t.Fatalf("ReadMemory = %+v", before)
	}
	if before.Peak != 0 && before.Peak < before.Resident {
		t.Errorf("the peak %d is below the resident %d", before.Peak, before.Resident)
	}
	const size = 64 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after := ReadMemory(0)
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
