package component

import (
	"unsafe"

	"github.com/reactord/reactord/component/types"
)

const (
	// maxHandles bounds the handles of a component instance.
	maxHandles = 1 << 18
	// maxLends bounds how often the calls of a store that are in progress have lent handles. One handle can be lent often.
	maxLends     = 1 << 16
	firstHandles = 4 // for which a table has room at first
)

// handleTable is the handles of a component instance, by index. Index 0 is never used; an index that becomes free is the next
// one to be used again. It is the specification's table: guests see the numbers.
//
// It also has the subtasks, waitable sets and ends of streams and futures.
type handleTable struct {
	entries []handle // entries[0] is unused
	free    uint32   // the index that became free last; its rep is the one before, and so on; 0: none
	live    int
}

// handle is an entry of a table.
type handle struct {
	resource *types.Resource // nil: it is no resource's
	object   object          // nil: it is a resource's
	rep      uint32          // of the resource; of a free entry, the next free index
	lends    uint32          // times that it is lent now
	scope    uint32          // of a borrowed handle: the activation that it was lent for
	kind     handleKind
}

// object is what a handle is of that is no resource.
type object interface {
	// kind names it, with an article.
	kind() string
}

type handleKind uint8

const (
	freeHandle handleKind = iota
	ownHandle
	borrowHandle
	objectHandle
)

// growth returns the bytes by which the next add makes the table larger.
func (t *handleTable) growth() int64 {
	if t.free != 0 || len(t.entries) < cap(t.entries) || t.live == maxHandles {
		return 0
	}
	return int64(unsafe.Sizeof(handle{})) * int64(max(firstHandles, cap(t.entries)))
}

// add gives a handle an index. It fails if the table is full.
func (t *handleTable) add(h handle) (index uint32, err error) {
	if t.live == maxHandles {
		return 0, faultf("the component instance holds %d handles, and more are not possible", maxHandles)
	}
	t.live++
	if index = t.free; index != 0 {
		t.free = t.entries[index].rep
		t.entries[index] = h
		return index, nil
	}
	switch n := len(t.entries); n {
	case 0:
		t.entries = make([]handle, 1, firstHandles)
	case cap(t.entries):
		t.entries = append(make([]handle, 0, 2*n), t.entries...)
	}
	t.entries = append(t.entries, h)
	return uint32(len(t.entries) - 1), nil
}

// get returns the handle with an index, if it is of a resource type. It is valid until the next add.
func (t *handleTable) get(index uint32, r *types.Resource) (*handle, error) {
	if int64(index) >= int64(len(t.entries)) || t.entries[index].kind == freeHandle {
		return nil, faultf("unknown handle index %d", index)
	}
	h := &t.entries[index]
	if h.resource != r {
		return nil, faultf("handle index %d is used as %s, but it is of %s", index, resourceName(r), h.name())
	}
	return h, nil
}

func (h *handle) name() string {
	if h.kind == objectHandle {
		return h.object.kind()
	}
	return resourceName(h.resource)
}

// objectAt returns the object with an index, if it is a T, which want names.
func objectAt[T object](t *handleTable, index uint32, want string) (o T, err error) {
	if int64(index) >= int64(len(t.entries)) || t.entries[index].kind == freeHandle {
		return o, faultf("unknown handle index %d", index)
	}
	o, ok := t.entries[index].object.(T)
	if !ok {
		return o, faultf("handle index %d is used as %s, but it is of %s", index, want, t.entries[index].name())
	}
	return o, nil
}

// remove frees an index.
func (t *handleTable) remove(index uint32) {
	t.entries[index] = handle{rep: t.free}
	t.free = index
	t.live--
}

// take removes the handle with an index, if it is of a resource type and not lent.
func (t *handleTable) take(index uint32, r *types.Resource) (handle, error) {
	h, err := t.get(index, r)
	if err != nil {
		return handle{}, err
	}
	if h.lends > 0 {
		return handle{}, faultf("handle index %d can't be given away or dropped while it is lent", index)
	}
	taken := *h
	t.remove(index)
	return taken, nil
}

// takeOwn is take for a handle that is given away.
func (t *handleTable) takeOwn(index uint32, r *types.Resource) (rep uint32, err error) {
	h, err := t.get(index, r)
	if err != nil {
		return 0, err
	}
	if h.kind != ownHandle {
		return 0, faultf("handle index %d is borrowed, so it can't be given away", index)
	}
	taken, err := t.take(index, r)
	return taken.rep, err
}

// addHandle gives a handle an index in a component instance. The memory of tables is the component's.
func (s *Store) addHandle(in *instance, h handle) (index uint32, err error) {
	more := in.handles.growth()
	if h.kind == objectHandle {
		more += objectBytes
	}
	if more > 0 {
		if ok, err := s.tryHold(more); err != nil {
			return 0, err
		} else if !ok {
			return 0, faultf("the memory limit has no room for more than %d handles", in.handles.live)
		}
	}
	return in.handles.add(h)
}

// removeObject frees the index of an object in a component instance.
func (s *Store) removeObject(in *instance, index uint32) {
	in.handles.remove(index)
	s.Free(objectBytes)
}

// objectBytes is what a subtask, a set or an end takes, about.
const objectBytes = 320

func resourceName(r *types.Resource) string {
	if r.Name == "" {
		return "a resource type without a name"
	}
	return "the resource type " + r.Name
}
