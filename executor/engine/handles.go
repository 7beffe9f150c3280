package engine

import (
	"bytes"
	"reflect"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// mostPatterns bounds the handles that a module keeps as patterns, of 1.5 KiB each.
const mostPatterns = 16

// handles makes function handles of a module's instances. A new one takes wazero 10 KiB for a stack that is replaced at once (see
// stackFields), and collecting such garbage takes a tenth of a short call. So the module keeps a pattern of the handle for each
// export that is called, which is copied.
//
// A pattern is a handle of wazero without what belongs to its instance: stack, parent, address. It is used once the handle of
// another instance, without these, has been found to be the same, byte for byte. If it is not, or if the fields are not as
// expected, wazero makes all handles. TestHandles fails when wazero has changed.
type handles struct {
	mu       sync.Mutex
	patterns map[string]*pattern // by exports
}

// pattern is what the handles of an export have in common.
type pattern struct {
	handle    reflect.Value // a pointer to it; not valid: wazero makes the handles
	confirmed bool
	grown     sync.Pool // of handles that nobody uses, whose stacks have grown
}

// mostGrown is the largest stack that a handle which nobody uses keeps.
const mostGrown = 8 << 10

// handle returns a new handle of an exported function, or nil if there is none.
func (c *CoreInstance) handle(export string) api.Function {
	h, stacks := &c.module.handles, &c.engine.stacks
	if p := h.confirmed(export); p != nil {
		return stacks.copy(p, c.parent())
	}
	made := c.guest.ExportedFunction(export)
	if made != nil && stacks.shrink(made) && stacks.copied {
		h.learn(export, stacks, made, c.parent())
	}
	return made
}

// confirmed returns the pattern of an export if it can be used, otherwise nil.
func (h *handles) confirmed(export string) *pattern {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.patterns[export]; p != nil && p.confirmed {
		return p
	}
	return nil
}

// learn makes or confirms the pattern of an export, given a new handle of an instance.
func (h *handles) learn(export string, stacks *stackFields, made api.Function, engine unsafe.Pointer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.patterns[export]
	if p != nil && !p.handle.IsValid() || p == nil && len(h.patterns) == mostPatterns {
		return
	}
	now, ok := stacks.pattern(made, engine)
	switch {
	case p == nil && ok:
		if h.patterns == nil {
			h.patterns = map[string]*pattern{}
		}
		h.patterns[export] = &pattern{handle: now}
	case p == nil:
	case ok && bytes.Equal(bytesOf(p.handle), bytesOf(now)):
		p.confirmed = true
	default:
		p.handle = reflect.Value{}
	}
}

// bytesOf returns the memory of a struct.
func bytesOf(pointer reflect.Value) []byte {
	return unsafe.Slice((*byte)(pointer.UnsafePointer()), pointer.Type().Elem().Size())
}

// parent returns what handles of the instance have as their parent, or nil.
func (c *CoreInstance) parent() unsafe.Pointer {
	engine, ok := c.engine.fields.engine.of(reflect.ValueOf(c.guest))
	if !ok || engine.Kind() != reflect.Interface || engine.Elem().Type() != c.engine.stacks.engine {
		return nil
	}
	return engine.Elem().UnsafePointer()
}

// parentOf returns the field of a handle that has its engine.
func (f *stackFields) parentOf(handle unsafe.Pointer) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(handle, f.parent))
}

// pattern returns a copy of a new handle without what belongs to its instance. It fails if the handle is of another instance, from
// which this one imports the function.
func (f *stackFields) pattern(made api.Function, engine unsafe.Pointer) (reflect.Value, bool) {
	from := reflect.ValueOf(made)
	at := from.UnsafePointer()
	if engine == nil || *f.parentOf(at) != engine ||
		*(*uintptr)(unsafe.Add(at, f.executionStart)) != uintptr(at)+f.execution {
		return reflect.Value{}, false
	}
	p := reflect.New(f.handle.Elem())
	p.Elem().Set(from.Elem())
	at = p.UnsafePointer()
	*(*[]byte)(unsafe.Add(at, f.stack)) = nil
	*(*uintptr)(unsafe.Add(at, f.top)) = 0
	*(**byte)(unsafe.Add(at, f.bottom)) = nil
	*f.parentOf(at) = nil
	*(*uintptr)(unsafe.Add(at, f.executionStart)) = 0
	return p, true
}

// copy makes a handle from a pattern, for the instance with that engine, if possible of one that nobody uses.
func (f *stackFields) copy(p *pattern, engine unsafe.Pointer) api.Function {
	var made reflect.Value
	var stack []byte
	used, ok := p.grown.Get().(api.Function)
	if !ok {
		used, ok = f.unused.Get().(api.Function)
	}
	if ok {
		made = reflect.ValueOf(used)
		stack = *f.stackOf(made.UnsafePointer())
	} else {
		made, stack = reflect.New(f.handle.Elem()), make([]byte, parkedStack)
	}
	made.Elem().Set(p.handle.Elem())
	at := made.UnsafePointer()
	f.setStack(at, stack)
	*f.parentOf(at) = engine
	*(*uintptr)(unsafe.Add(at, f.executionStart)) = uintptr(at) + f.execution
	return made.Interface().(api.Function)
}

// recycle takes a handle that nobody uses any more, so that copy need not make one: with its stack it takes 2.3 KiB, which is a good part
// of what a short call leaves to the collector. It keeps nothing of the instance, and a stack that has grown only for the same export, if
// grown is its pattern: what a call needs once, most calls do.
func (f *stackFields) recycle(function api.Function, grown *pattern) {
	if function == nil || !f.copied || reflect.TypeOf(function) != f.handle { // before the first handle the fields are not known
		return
	}
	used := reflect.ValueOf(function)
	at := used.UnsafePointer()
	stack := *f.stackOf(at)
	pool := &f.unused
	if len(stack) != parkedStack {
		if grown == nil || len(stack) > mostGrown {
			return
		}
		pool = &grown.grown
	}
	used.Elem().SetZero()
	clear(stack)
	*f.stackOf(at) = stack
	pool.Put(function)
}

func (f *stackFields) stackOf(handle unsafe.Pointer) *[]byte {
	return (*[]byte)(unsafe.Add(handle, f.stack))
}
