package types

import (
	"errors"
	"fmt"
	"slices"

	"github.com/reactord/reactord/component/binary"
)

// Core types of canonical functions, as coreFunc has them.
const (
	i32 = "\x7f"
	i64 = "\x7e"
)

// canon checks a canonical function, and adds it to the functions or, but for a lift, the core functions.
func (s *scope) canon(d *binary.Canon) error {
	if d.Builtin == binary.Lift {
		f, err := s.lift(d)
		if err == nil {
			s.funcs = append(s.funcs, f)
		}
		return err
	}
	f, err := s.builtin(d)
	if err == nil {
		s.coreFuncs = append(s.coreFuncs, f)
	}
	return err
}

// builtin returns the type of a canonical function that is a core function.
func (s *scope) builtin(d *binary.Canon) (*coreFunc, error) {
	switch d.Builtin {
	case binary.Lower:
		return s.lower(d)
	case binary.ResourceNew, binary.ResourceRep, binary.ResourceDrop:
		return s.resourceBuiltin(d)
	case binary.TaskReturn:
		return s.taskReturn(d)
	case binary.ContextGet, binary.ContextSet:
		return s.context(d)
	case binary.StreamNew, binary.StreamRead, binary.StreamWrite, binary.StreamCancelRead, binary.StreamCancelWrite,
		binary.StreamDropReadable, binary.StreamDropWritable,
		binary.FutureNew, binary.FutureRead, binary.FutureWrite, binary.FutureCancelRead, binary.FutureCancelWrite,
		binary.FutureDropReadable, binary.FutureDropWritable:
		return s.endBuiltin(d)
	case binary.ErrorContextNew, binary.ErrorContextDebugMessage, binary.ErrorContextDrop:
		return s.errorContextBuiltin(d)
	case binary.WaitableSetWait, binary.WaitableSetPoll:
		return s.coreFunc(i32+i32, i32), s.abiMemory(d.Memory)
	case binary.ThreadNewIndirect:
		return s.threadNew(d)
	case binary.SubtaskCancel:
		return s.coreFunc(i32, i32), s.needMoreAsync(d.Async, "subtask.cancel that returns at once")
	}
	for _, b := range plainBuiltins {
		if b.Builtin == d.Builtin {
			return s.coreFunc(b.params, b.results), need(!b.thread || s.features.Threads, featureThreads, "canonical function %s", b.name)
		}
	}
	return nil, fmt.Errorf("0x%02x is not a canonical function", byte(d.Builtin))
}

// plainBuiltins are the canonical functions whose types are always the same, and need no check.
var plainBuiltins = []struct {
	binary.Builtin
	name, params, results string
	thread                bool
}{
	{binary.TaskCancel, "task.cancel", "", "", false},
	{binary.SubtaskDrop, "subtask.drop", i32, "", false},
	{binary.ThreadYield, "thread.yield", "", i32, false},
	{binary.WaitableSetNew, "waitable-set.new", "", i32, false},
	{binary.WaitableSetDrop, "waitable-set.drop", i32, "", false},
	{binary.WaitableJoin, "waitable.join", i32 + i32, "", false},
	{binary.BackpressureInc, "backpressure.inc", "", "", false},
	{binary.BackpressureDec, "backpressure.dec", "", "", false},
	{binary.ThreadIndex, "thread.index", "", i32, true},
	{binary.ThreadResumeLater, "thread.resume-later", i32, "", true},
	{binary.ThreadSuspend, "thread.suspend", "", i32, true},
	{binary.ThreadSuspendThenResume, "thread.suspend-then-resume", i32, i32, true},
	{binary.ThreadYieldThenResume, "thread.yield-then-resume", i32, i32, true},
	{binary.ThreadSuspendThenPromote, "thread.suspend-then-promote", i32, i32, true},
	{binary.ThreadYieldThenPromote, "thread.yield-then-promote", i32, i32, true},
}

func (s *scope) needMoreAsync(used bool, what string) error {
	return need(!used || s.features.MoreAsyncBuiltins, featureMoreAsync, "%s", what)
}

// lift returns the type of a lifted function.
func (s *scope) lift(d *binary.Canon) (*Func, error) {
	f, err := s.funcTypeAt(d.Type)
	if err != nil {
		return nil, err
	}
	core, err := at(s.coreFuncs, "core function", d.Func)
	if err != nil {
		return nil, err
	}
	o, err := s.options(d.Options)
	if err != nil {
		return nil, err
	}
	if err := o.asyncFits(f); err != nil {
		return nil, err
	}
	if o.postReturn != nil && !o.postReturn.is(core.results, "") {
		return nil, fmt.Errorf("post-return is a %v, not a %v", o.postReturn, s.coreFunc(core.results, ""))
	}
	if o.callback != nil && !o.callback.is(i32+i32+i32, i32) {
		return nil, fmt.Errorf("callback is a %v, not a %v", o.callback, s.coreFunc(i32+i32+i32, i32))
	}
	if o.async && o.callback == nil {
		if err := need(s.features.StackfulLift, featureStackful, "lift with async and without a callback"); err != nil {
			return nil, err
		}
	}
	want, err := s.signature(f, o, true)
	if err != nil {
		return nil, err
	}
	if core != want {
		return nil, fmt.Errorf("the core function is a %v, and the function's type asks for a %v", core, want)
	}
	return f, nil
}

// lower returns the core type of a lowered function.
func (s *scope) lower(d *binary.Canon) (*coreFunc, error) {
	f, err := at(s.funcs, "function", d.Func)
	if err != nil {
		return nil, err
	}
	o, err := s.options(d.Options)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(o.only("a lowered function", memoryBit|reallocBit|asyncBit), o.asyncFits(f)); err != nil {
		return nil, err
	}
	return s.signature(f, o, false)
}

func (s *scope) resourceBuiltin(d *binary.Canon) (*coreFunc, error) {
	r, err := s.resourceAt(d.Type)
	if err != nil {
		return nil, err
	}
	if d.Builtin == binary.ResourceDrop {
		return s.coreFunc(i32, ""), nil
	}
	if !s.local[r.Resource] {
		return nil, fmt.Errorf("type index %d is not a resource type that this component defines", d.Type)
	}
	return s.coreFunc(i32, i32), nil
}

func (s *scope) taskReturn(d *binary.Canon) (*coreFunc, error) {
	f := &Func{}
	if d.Result != nil {
		r, err := s.ref(*d.Result)
		if err != nil {
			return nil, err
		}
		if r.Type.Borrows {
			return nil, errors.New("a result cannot have borrowed handles")
		}
		f.Params = []Field{{Type: r.Type}}
	}
	o, err := s.options(d.Options)
	if err != nil {
		return nil, err
	}
	if err := o.only("task.return", memoryBit); err != nil {
		return nil, err
	}
	return s.signature(f, o, false)
}

func (s *scope) context(d *binary.Canon) (*coreFunc, error) {
	switch {
	case d.SlotType == binary.CoreI64:
		return nil, &unsupported{featureMemory64, "context slot of an i64"}
	case d.SlotType != binary.CoreI32:
		return nil, errors.New("a context slot has an i32")
	case d.Slot > 1:
		return nil, fmt.Errorf("context slot %d is out of bounds", d.Slot)
	case d.Slot == 1:
		if err := need(s.features.Threads, featureThreads, "context slot 1"); err != nil {
			return nil, err
		}
	}
	if d.Builtin == binary.ContextGet {
		return s.coreFunc("", i32), nil
	}
	return s.coreFunc(i32, ""), nil
}

// endBuiltin returns the type of a canonical function for streams and futures.
func (s *scope) endBuiltin(d *binary.Canon) (*coreFunc, error) {
	t, err := s.valueTypeAt(d.Type)
	if err != nil {
		return nil, err
	}
	kind := Stream
	if d.Builtin >= binary.FutureNew {
		kind = Future
	}
	if t.Type.Kind != kind {
		return nil, fmt.Errorf("type index %d is a %v, not a %v", d.Type, t.Type.Kind, kind)
	}
	switch d.Builtin {
	case binary.StreamNew, binary.FutureNew:
		return s.coreFunc("", i64), nil
	case binary.StreamRead, binary.FutureRead:
		return s.copies(d, t.Type, true)
	case binary.StreamWrite, binary.FutureWrite:
		return s.copies(d, t.Type, false)
	case binary.StreamDropReadable, binary.StreamDropWritable, binary.FutureDropReadable, binary.FutureDropWritable:
		return s.coreFunc(i32, ""), nil
	}
	return s.coreFunc(i32, i32), s.needMoreAsync(d.Async, "cancel that returns at once")
}

// copies returns the type of a canonical function that reads from or writes to a stream or future.
func (s *scope) copies(d *binary.Canon, t *Type, read bool) (*coreFunc, error) {
	o, err := s.options(d.Options)
	if err != nil {
		return nil, err
	}
	if err := o.only("a read or write", memoryBit|reallocBit|asyncBit); err != nil {
		return nil, err
	}
	if err := s.needMoreAsync(!o.async, "synchronous read or write of a "+t.Kind.String()); err != nil {
		return nil, err
	}
	if err := o.needs(t.Elem != nil, read && t.Elem != nil && t.Elem.Pointed); err != nil {
		return nil, err
	}
	if t.Kind == Future {
		return s.coreFunc(i32+i32, i32), nil
	}
	return s.coreFunc(i32+i32+i32, i32), nil
}

func (s *scope) errorContextBuiltin(d *binary.Canon) (*coreFunc, error) {
	if err := need(s.features.ErrorContext, featureErrorContext, "canonical function"); err != nil {
		return nil, err
	}
	if d.Builtin == binary.ErrorContextDrop {
		return s.coreFunc(i32, ""), nil
	}
	o, err := s.options(d.Options)
	if err != nil {
		return nil, err
	}
	debug := d.Builtin == binary.ErrorContextDebugMessage
	if err := errors.Join(o.only("a function of error contexts", memoryBit|reallocBit), o.needs(true, debug)); err != nil {
		return nil, err
	}
	if debug {
		return s.coreFunc(i32+i32, ""), nil
	}
	return s.coreFunc(i32+i32, i32), nil
}

func (s *scope) threadNew(d *binary.Canon) (*coreFunc, error) {
	if err := need(s.features.Threads, featureThreads, "canonical function thread.new-indirect"); err != nil {
		return nil, err
	}
	t, err := at(s.coreTypes, "core type", d.Type)
	if err != nil {
		return nil, err
	}
	if t.fn == nil || !t.fn.is(i32, "") {
		return nil, fmt.Errorf("core type index %d is not a (func (param i32))", d.Type)
	}
	table, err := at(s.coreTables, "core table", d.Table)
	if err != nil {
		return nil, err
	}
	if table.value != binary.CoreFuncRef {
		return nil, fmt.Errorf("core table index %d has no functions", d.Table)
	}
	return s.coreFunc(i32+i32, i32), nil
}

// signature returns the core type of a function that is lifted or lowered, if the options have what that needs.
//
// CanonicalABI.md, Flattening and canon lift, canon lower.
func (s *scope) signature(f *Func, o *options, lift bool) (*coreFunc, error) {
	var sig Signature
	pointed := slices.ContainsFunc(f.Params, func(p Field) bool { return p.Type.Pointed })
	resultPointed := f.Result != nil && f.Result.Pointed
	needMemory := pointed || resultPointed
	var needRealloc bool
	if lift {
		sig = LiftSignature(f, o.mode())
		needRealloc = pointed || sig.ParamsInMemory
		// What an async function returns is the parameter of task.return.
		needMemory = needMemory || o.async && f.Result != nil && f.Result.Flat > MaxFlat
	} else {
		sig = LowerSignature(f, o.mode())
		needRealloc = resultPointed
	}
	if err := o.needs(needMemory || sig.ParamsInMemory || sig.ResultInMemory, needRealloc); err != nil {
		return nil, err
	}
	return s.coreFuncType(&sig.Core), nil
}

// options are checked canonical options.
type options struct {
	has                           optionBits
	realloc, postReturn, callback *coreFunc
	async                         bool
}

// mode returns how a function with the options is lifted or lowered.
func (o *options) mode() Mode {
	switch {
	case !o.async:
		return Sync
	case o.callback == nil:
		return Stackful
	}
	return Async
}

type optionBits uint8

const (
	encodingBit optionBits = 1 << iota
	memoryBit
	reallocBit
	postReturnBit
	asyncBit
	callbackBit
)

var optionInfo = [...]struct {
	name string
	bit  optionBits
}{
	binary.UTF8Opt: {"string-encoding", encodingBit}, binary.UTF16Opt: {"string-encoding", encodingBit},
	binary.Latin1UTF16Opt: {"string-encoding", encodingBit}, binary.MemoryOpt: {"memory", memoryBit},
	binary.ReallocOpt: {"realloc", reallocBit}, binary.PostReturnOpt: {"post-return", postReturnBit},
	binary.AsyncOpt: {"async", asyncBit}, binary.CallbackOpt: {"callback", callbackBit},
}

// options checks canonical options by themselves.
func (s *scope) options(opts []binary.CanonOpt) (*options, error) {
	o := &options{}
	for _, opt := range opts {
		if int(opt.Kind) >= len(optionInfo) {
			return nil, fmt.Errorf("0x%02x is not a canonical option", byte(opt.Kind))
		}
		info := optionInfo[opt.Kind]
		if o.has&info.bit != 0 {
			return nil, fmt.Errorf("the canonical option %s is there twice", info.name)
		}
		o.has |= info.bit
		var err error
		switch opt.Kind {
		case binary.MemoryOpt:
			err = s.abiMemory(opt.Index)
		case binary.ReallocOpt:
			o.realloc, err = at(s.coreFuncs, "core function", opt.Index)
		case binary.PostReturnOpt:
			o.postReturn, err = at(s.coreFuncs, "core function", opt.Index)
		case binary.CallbackOpt:
			o.callback, err = at(s.coreFuncs, "core function", opt.Index)
		case binary.AsyncOpt:
			o.async = true
		}
		if err != nil {
			return nil, err
		}
	}
	return o, o.fitTogether()
}

func (o *options) fitTogether() error {
	switch {
	case o.callback != nil && !o.async:
		return errors.New("the canonical option callback needs async")
	case o.postReturn != nil && o.async:
		return errors.New("the canonical options post-return and async exclude each other")
	case o.realloc != nil && o.has&memoryBit == 0:
		return errors.New("the canonical option realloc needs memory")
	case o.realloc != nil && !o.realloc.is(i32+i32+i32+i32, i32):
		return fmt.Errorf("realloc is a %v, not a (func (param i32 i32 i32 i32) (result i32))", o.realloc)
	}
	return nil
}

// asyncFits returns an error if a function is lifted or lowered as async that is not.
func (o *options) asyncFits(f *Func) error {
	if o.async && !f.Async {
		return errors.New("the canonical option async needs an async function type")
	}
	return nil
}

// only returns an error if there are options that what is defined does not have.
func (o *options) only(what string, allowed optionBits) error {
	rest := o.has &^ (allowed | encodingBit)
	if rest == 0 {
		return nil
	}
	i := slices.IndexFunc(optionInfo[:], func(info struct {
		name string
		bit  optionBits
	}) bool {
		return info.bit&rest != 0
	})
	return fmt.Errorf("%s does not have the canonical option %s", what, optionInfo[i].name)
}

// needs returns an error if options that are needed are not there.
func (o *options) needs(memory, realloc bool) error {
	switch {
	case memory && o.has&memoryBit == 0:
		return errors.New("the canonical option memory is missing")
	case realloc && o.realloc == nil:
		return errors.New("the canonical option realloc is missing")
	}
	return nil
}

// abiMemory checks a memory in which values are passed.
func (s *scope) abiMemory(index uint32) error {
	_, err := at(s.coreMemories, "core memory", index)
	return err
}
