package binary

// Builtin is the code of a canonical function, as the binary format has it.
type Builtin byte

// The canonical functions.
const (
	Lift                     Builtin = 0x00
	Lower                    Builtin = 0x01
	ResourceNew              Builtin = 0x02
	ResourceDrop             Builtin = 0x03
	ResourceRep              Builtin = 0x04
	TaskCancel               Builtin = 0x05
	SubtaskCancel            Builtin = 0x06
	TaskReturn               Builtin = 0x09
	ContextGet               Builtin = 0x0a
	ContextSet               Builtin = 0x0b
	ThreadYield              Builtin = 0x0c
	SubtaskDrop              Builtin = 0x0d
	StreamNew                Builtin = 0x0e
	StreamRead               Builtin = 0x0f
	StreamWrite              Builtin = 0x10
	StreamCancelRead         Builtin = 0x11
	StreamCancelWrite        Builtin = 0x12
	StreamDropReadable       Builtin = 0x13
	StreamDropWritable       Builtin = 0x14
	FutureNew                Builtin = 0x15
	FutureRead               Builtin = 0x16
	FutureWrite              Builtin = 0x17
	FutureCancelRead         Builtin = 0x18
	FutureCancelWrite        Builtin = 0x19
	FutureDropReadable       Builtin = 0x1a
	FutureDropWritable       Builtin = 0x1b
	ErrorContextNew          Builtin = 0x1c
	ErrorContextDebugMessage Builtin = 0x1d
	ErrorContextDrop         Builtin = 0x1e
	WaitableSetNew           Builtin = 0x1f
	WaitableSetWait          Builtin = 0x20
	WaitableSetPoll          Builtin = 0x21
	WaitableSetDrop          Builtin = 0x22
	WaitableJoin             Builtin = 0x23
	BackpressureInc          Builtin = 0x24
	BackpressureDec          Builtin = 0x25
	ThreadIndex              Builtin = 0x26
	ThreadNewIndirect        Builtin = 0x27
	ThreadResumeLater        Builtin = 0x28
	ThreadSuspend            Builtin = 0x29
	ThreadSuspendThenResume  Builtin = 0x2a
	ThreadYieldThenResume    Builtin = 0x2b
	ThreadSuspendThenPromote Builtin = 0x2c
	ThreadYieldThenPromote   Builtin = 0x2d
)

// Canon defines a function by the canonical ABI: Lift a component function, everything else a core function.
type Canon struct {
	At
	Builtin  Builtin
	Async    bool        // of the cancels: they return at once
	SlotType CoreValType // ContextGet, ContextSet
	Slot     uint32      // ContextGet, ContextSet
	Func     uint32      // Lift: core function; Lower: function
	Type     uint32      // Lift: of the function; of the resource, stream or future; ThreadNewIndirect: core type
	Options  []CanonOpt  // in their order, repetitions included; the check is package types'
	Result   *ValType    // TaskReturn: result, or nil
	Memory   uint32      // WaitableSetWait, WaitableSetPoll
	Table    uint32      // ThreadNewIndirect
}

// CanonOptKind is the code of an option, as the binary format has it.
type CanonOptKind byte

// The options.
const (
	UTF8Opt        CanonOptKind = 0x00
	UTF16Opt       CanonOptKind = 0x01
	Latin1UTF16Opt CanonOptKind = 0x02
	MemoryOpt      CanonOptKind = 0x03
	ReallocOpt     CanonOptKind = 0x04
	PostReturnOpt  CanonOptKind = 0x05
	AsyncOpt       CanonOptKind = 0x06
	CallbackOpt    CanonOptKind = 0x07
)

// CanonOpt is one option of a canonical function. Index is what it refers to, if anything.
type CanonOpt struct {
	Kind  CanonOptKind
	Index uint32
}
