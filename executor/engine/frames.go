package engine

import (
	"encoding/binary"
	"math/bits"
	"reflect"
	"runtime"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// The metering pass estimates the stack frame of each function from above, for large functions by several
// times. Their real frame is in their machine code: wazero begins each function with a check that the stack
// has room for it. So for large functions the engine reads it there, once per module.
//
// This reads private structs of another package and its machine code. Fields are found by their names and
// types, and code is believed only if it is exactly as expected. Otherwise the estimate stays, and a guest's
// stack overflows sooner than necessary. TestMeasuredFrames fails when wazero has changed.

// setFrames sets the frame sizes of a new guest's large functions. None of them may be active.
func (m *Module) setFrames(guest api.Module) {
	if len(m.info.LargeFrames) == 0 {
		return
	}
	m.measure.Do(func() {
		m.frames = measureFrames(guest, m.info.LargeFrames)
		for i := range m.frames {
			m.inGlobal = append(m.inGlobal, meter.FrameGlobal(i))
		}
	})
	for i, frame := range m.frames {
		if frame > 0 {
			guest.ExportedGlobal(m.inGlobal[i]).(api.MutableGlobal).Set(uint64(frame))
		}
	}
}

// measureFrames returns the frame sizes of the given defined functions of a guest, in bytes; zero means
// unknown.
func measureFrames(guest api.Module, functions []int) []int64 {
	frames := make([]int64, len(functions))
	decode, known := prologues[runtime.GOARCH]
	code, offsets := machineCode(guest)
	if !known || code == nil {
		return frames
	}
	for i, f := range functions {
		if f < len(offsets) && offsets[f] >= 0 && offsets[f] < len(code) {
			frames[i] = decode(code[offsets[f]:])
		}
	}
	return frames
}

// machineCode returns the machine code of a guest and the offsets of its defined functions in it, which nobody may
// change, or nil if wazero's structs are not as expected.
func machineCode(guest api.Module) (code []byte, offsets []int) {
	engine, ok := field(reflect.ValueOf(guest), "Engine")
	if !ok {
		return nil, nil
	}
	parent, ok := field(engine, "parent")
	if !ok {
		return nil, nil
	}
	executables, ok1 := field(parent, "executables")
	starts, ok2 := field(parent, "functionOffsets")
	if !ok1 || !ok2 {
		return nil, nil
	}
	offsets, ok = viewOf[int](starts)
	if !ok {
		return nil, nil
	}
	executable, ok := field(executables, "executable")
	if !ok || executable.Type() != reflect.TypeFor[[]byte]() {
		return nil, nil
	}
	return executable.Bytes(), offsets
}

// prologues decode the frame size from a function's prologue, by architecture. They return zero if the
// function doesn't begin as wazero's functions do.
var prologues = map[string]func(code []byte) int64{"amd64": prologueAMD64, "arm64": prologueARM64}

// callFrame is an upper bound of the stack that a call takes in addition to the function's frame.
const callFrame = 32

// prologueAMD64 decodes: push %rbp; mov %rsp, %rbp; sub $frame, %rsp.
func prologueAMD64(code []byte) int64 {
	const push, size8, size32 = "\x55\x48\x89\xe5\x48", "\x83\xec", "\x81\xec"
	if len(code) < 11 || string(code[:5]) != push {
		return 0
	}
	switch string(code[5:7]) {
	case size8:
		return int64(int8(code[7])) + callFrame
	case size32:
		return int64(int32(binary.LittleEndian.Uint32(code[7:]))) + callFrame
	}
	return 0
}

// prologueARM64 decodes: room for arguments, a pair stored on the stack, and then x27 = sp - frame, in one
// instruction or as x27 = frame; x27 = sp - x27; ldr x11, [x0, #bottom].
func prologueARM64(code []byte) int64 {
	const (
		most    = 12 // instructions
		x27, sp = 27, 31
	)
	var frame, constant int64
	stored := false
	for range min(most, len(code)/4) {
		in := binary.LittleEndian.Uint32(code)
		code = code[4:]
		immediate, shift := int64(in>>5&0xffff), in>>21&3*16
		switch {
		case in&0xffc003e0 == 0xa9800000|sp<<5: // stp ..., [sp, #n]!
			stored = true
		case in&0xff80001f == 0xd2800000|x27: // movz
			constant = immediate << shift
		case in&0xff80001f == 0xf2800000|x27: // movk
			constant = constant&^(0xffff<<shift) | immediate<<shift
		case in&0xff8003ff == 0xb2000000|sp<<5|x27: // orr x27, xzr, #bits
			constant = bitMask(in)
		case in&0xff8003ff == 0xd1000000|sp<<5|x27: // sub x27, sp, #n
			frame = int64(in>>10&0xfff) << (in >> 22 & 1 * 12)
		case in == 0xcb200000|x27<<16|0x6000|sp<<5|x27: // sub x27, sp, x27
			frame = constant
		case in&0xffc003ff == 0xf940000b: // ldr x11, [x0, #n]
			if !stored || frame <= 0 {
				return 0
			}
			return frame + callFrame
		}
	}
	return 0
}

// bitMask decodes the immediate of a logical instruction of 64 bits.
func bitMask(in uint32) int64 {
	n, rotate, ones := in>>22&1, in>>16&0x3f, in>>10&0x3f
	length := bits.Len32(n<<6|^ones&0x3f) - 1
	if length < 1 {
		return 0
	}
	size := uint32(1) << length
	run := uint64(1)<<(ones&(size-1)+1) - 1
	rotate &= size - 1
	element := run>>rotate | run<<(size-rotate)
	if size < 64 {
		element &= 1<<size - 1
	}
	var mask uint64
	for at := uint32(0); at < 64; at += size {
		mask |= element << at
	}
	return int64(mask)
}
