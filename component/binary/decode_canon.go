package binary

func (d *decoder) canon() Definition {
	at := d.offset()
	c := &Canon{At: At(at), Builtin: Builtin(d.byte())}
	switch c.Builtin {
	case Lift:
		d.funcSort()
		c.Func, c.Options, c.Type = d.u32(), d.options(), d.u32()
	case Lower:
		d.funcSort()
		c.Func, c.Options = d.u32(), d.options()
	case ResourceNew, ResourceDrop, ResourceRep, StreamNew, StreamDropReadable, StreamDropWritable,
		FutureNew, FutureDropReadable, FutureDropWritable:
		c.Type = d.u32()
	case StreamRead, StreamWrite, FutureRead, FutureWrite:
		c.Type, c.Options = d.u32(), d.options()
	case StreamCancelRead, StreamCancelWrite, FutureCancelRead, FutureCancelWrite:
		c.Type, c.Async = d.u32(), d.flag("whether a cancel is async")
	case SubtaskCancel:
		c.Async = d.flag("whether a cancel is async")
	case TaskReturn:
		c.Result, c.Options = d.result(), d.options()
	case ContextGet, ContextSet:
		c.SlotType, c.Slot = d.coreValType(), d.u32()
	case ErrorContextNew, ErrorContextDebugMessage:
		c.Options = d.options()
	case WaitableSetWait, WaitableSetPoll:
		d.notCancellable()
		c.Memory = d.u32()
	case ThreadYield, ThreadSuspend, ThreadSuspendThenResume, ThreadYieldThenResume, ThreadSuspendThenPromote, ThreadYieldThenPromote:
		d.notCancellable()
	case ThreadNewIndirect:
		c.Type, c.Table = d.u32(), d.u32()
	case TaskCancel, SubtaskDrop, ErrorContextDrop, WaitableSetNew, WaitableSetDrop, WaitableJoin,
		BackpressureInc, BackpressureDec, ThreadIndex, ThreadResumeLater:
	case 0x2e, 0x2f:
		d.unsupported(at, featureForward, "canonical function")
	case 0x40, 0x41, 0x42:
		d.unsupported(at, featureSharedThreads, "canonical function")
	default:
		if d.err == nil {
			d.unknown(byte(c.Builtin), "a canonical function")
		}
	}
	return c
}

// funcSort reads the sort of what is lifted or lowered: functions, until there is more.
func (d *decoder) funcSort() {
	if b := d.byte(); b != 0 {
		d.unknown(b, "the sort of a function")
	}
}

// notCancellable reads the byte that said, in drafts of the specification, whether a wait is cancellable.
func (d *decoder) notCancellable() {
	if b := d.byte(); b != 0 {
		d.unknown(b, "the reserved byte of a wait, which is 0, since no wait is cancellable")
	}
}

func (d *decoder) options() []CanonOpt { return vector(d, "options", maxOptions, 1, d.option) }

func (d *decoder) option() CanonOpt {
	at := d.offset()
	o := CanonOpt{Kind: CanonOptKind(d.byte())}
	switch o.Kind {
	case UTF8Opt, UTF16Opt, Latin1UTF16Opt, AsyncOpt:
	case MemoryOpt, ReallocOpt, PostReturnOpt, CallbackOpt:
		o.Index = d.u32()
	case 0x08, 0x09:
		d.unsupported(at, featureGC, "canonical option")
	default:
		d.unknown(byte(o.Kind), "a canonical option")
	}
	return o
}
