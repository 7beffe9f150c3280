package engine

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// parkedStack is the size of a function handle's first call stack: a small guest that waits in a host call has a few
// frames. It grows like any of wazero's stacks, each time to twice the size. (BenchmarkWaiting: with 2 KiB a guest took
// 1.3 KiB more.)
const parkedStack = 768

// stackFields are the offsets of the call stack in wazero's function handle. wazero allocates 10 KiB for
// each handle, without a setting, which is half of the memory of a waiting guest. So the engine
// replaces it by a smaller stack before the first call.
//
// This changes a private struct of another package. The fields are found by their names and types, and
// their values are compared with the expected ones on every handle. If anything differs, the handle
// stays as wazero made it, and the guest takes 8 KiB more. TestSmallCallStack fails when wazero has
// changed.
type stackFields struct {
	once               sync.Once
	handle             reflect.Type // nil if the fields were not found
	stack, top, bottom uintptr

	// For copies; see handles.
	copied         bool         // the fields were found
	engine         reflect.Type // of parent
	parent         uintptr      // what wazero calls the engine of the instance
	execution      uintptr      // the part of the handle that machine code uses
	executionStart uintptr      // has the address of that
	unused         sync.Pool    // handles that copy uses
}

// find looks for the fields in the type of a function handle.
func (f *stackFields) find(handle reflect.Type) {
	if handle.Kind() != reflect.Pointer || handle.Elem().Kind() != reflect.Struct {
		return
	}
	execution, ok := handle.Elem().FieldByName("execCtx")
	if !ok || execution.Type.Kind() != reflect.Struct {
		return
	}
	stack, ok1 := fieldOf[[]byte](handle.Elem(), "stack")
	top, ok2 := fieldOf[uintptr](handle.Elem(), "stackTop")
	bottom, ok3 := fieldOf[*byte](execution.Type, "stackBottomPtr")
	if ok1 && ok2 && ok3 {
		f.handle, f.stack, f.top, f.bottom = handle, stack, top, execution.Offset+bottom
	}
	parent, ok1 := handle.Elem().FieldByName("parent")
	start, ok2 := fieldOf[uintptr](handle.Elem(), "execCtxPtr")
	if ok1 && ok2 && parent.Type.Kind() == reflect.Pointer {
		f.copied, f.engine, f.parent, f.execution, f.executionStart = true, parent.Type, parent.Offset, execution.Offset, start
	}
}

func fieldOf[T any](t reflect.Type, name string) (offset uintptr, ok bool) {
	field, ok := t.FieldByName(name)
	return field.Offset, ok && field.Type == reflect.TypeFor[T]()
}

// shrink gives a function handle that was never called a small call stack. It reports whether it did.
func (f *stackFields) shrink(function api.Function) bool {
	const mostValues = 16 // parameters and results, which are passed on the stack
	f.once.Do(func() { f.find(reflect.TypeOf(function)) })
	definition := function.Definition()
	if f.handle == nil || reflect.TypeOf(function) != f.handle ||
		len(definition.ParamTypes())+len(definition.ResultTypes()) > mostValues {
		return false
	}
	handle := reflect.ValueOf(function).UnsafePointer()
	stack := (*[]byte)(unsafe.Add(handle, f.stack))
	top := (*uintptr)(unsafe.Add(handle, f.top))
	bottom := (**byte)(unsafe.Add(handle, f.bottom))
	if len(*stack) <= parkedStack || *top != alignedTop(*stack) || *bottom != &(*stack)[0] {
		return false
	}
	f.setStack(handle, make([]byte, parkedStack))
	return true
}

// setStack gives a handle a call stack.
func (f *stackFields) setStack(handle unsafe.Pointer, stack []byte) {
	*(*[]byte)(unsafe.Add(handle, f.stack)) = stack
	*(*uintptr)(unsafe.Add(handle, f.top)) = alignedTop(stack)
	*(**byte)(unsafe.Add(handle, f.bottom)) = &stack[0]
}

// alignedTop returns the top of a stack that grows down: its last 16-byte boundary.
func alignedTop(stack []byte) uintptr {
	return uintptr(unsafe.Pointer(&stack[len(stack)-1])) &^ 15
}
