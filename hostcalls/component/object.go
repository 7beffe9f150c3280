package component

import "github.com/reactord/reactord/executor/engine"

// Object is the part of a host object that the store keeps: when it was made, and of what it is a part. Types of host
// objects embed it.
type Object struct {
	older, newer *Object
	parent       *Object
	children     int
	self         Dropper // nil once it is dropped
}

func (o *Object) object() *Object { return o }

// Dropper is a host object: a pointer to a struct that embeds Object.
type Dropper interface {
	object() *Object
	// Drop gives up what the object holds. It is called once, on the store's fiber, and does not wait.
	Drop()
}

// objectList is the host objects of a store, in the order in which they were made.
type objectList struct{ newest *Object }

func (l *objectList) add(o *Object, self Dropper, parent *Object) {
	*o = Object{older: l.newest, parent: parent, self: self}
	if l.newest != nil {
		l.newest.newer = o
	}
	l.newest = o
	if parent != nil {
		parent.children++
	}
}

func (l *objectList) remove(o *Object) {
	if o.older != nil {
		o.older.newer = o.newer
	}
	if o.newer != nil {
		o.newer.older = o.older
	} else {
		l.newest = o.older
	}
	if o.parent != nil {
		o.parent.children--
	}
	*o = Object{}
}

// dropAll drops the objects that are left, the newest first. afterEach is called in between.
func (l *objectList) dropAll(afterEach func()) {
	for o := l.newest; o != nil; o = l.newest {
		self := o.self
		l.remove(o)
		self.Drop()
		afterEach()
	}
}

// Objects holds a store's host objects of one resource type, and gives each a number, which stands for it at the
// boundary. The store drops what is left when it is closed, the newest of all types first. The zero value is empty.
//
// An object that is a part of another one, such as a stream of a file, keeps that from being dropped: a component that
// does so traps, as WASI 0.2 says.
type Objects[T Dropper] struct {
	table *objectTable[T] // nil until there are objects: most components have those of few types
}

type objectTable[T Dropper] struct {
	slots []T
	free  []uint32
}

// maxObjects bounds a store's host objects of one type. A component holds each by a handle, so it is reached only by what
// was made and never handed out.
const maxObjects = 1 << 17

// Add adds an object and returns its number. parent, unless nil, is what it is a part of.
func (o *Objects[T]) Add(s *Store, object T, parent Dropper) (rep uint32) {
	if o.table == nil {
		o.table = &objectTable[T]{}
	}
	rep = o.table.add(object)
	var of *Object
	if parent != nil {
		of = parent.object()
	}
	s.objects.add(object.object(), object, of)
	return rep
}

func (t *objectTable[T]) add(object T) (rep uint32) {
	if n := len(t.free); n > 0 {
		rep, t.free = t.free[n-1], t.free[:n-1]
		t.slots[rep] = object
		return rep
	}
	if len(t.slots) >= maxObjects {
		engine.Abort(trapf("the component has made more than %d objects of one type", maxObjects))
	}
	t.slots = append(t.slots, object)
	return uint32(len(t.slots) - 1)
}

// Get returns the object of a number that Add returned, until Drop.
func (o *Objects[T]) Get(rep uint32) T { return o.table.slots[rep] }

// Len returns the number of objects.
func (o *Objects[T]) Len() int {
	if o.table == nil {
		return 0
	}
	return len(o.table.slots) - len(o.table.free)
}

// Drop removes an object and drops it. It is what Resource.Drop does. A component that drops what others are a part of
// traps.
func (o *Objects[T]) Drop(c *Call, rep uint32) {
	object := o.Take(c, rep)
	object.Drop()
}

// Take removes an object, which is the caller's from then on. It traps as Drop does.
func (o *Objects[T]) Take(c *Call, rep uint32) T {
	t := o.table
	object := t.slots[rep]
	if n := object.object().children; n > 0 {
		c.Trap("a resource was dropped while it has %d others that depend on it", n)
	}
	c.store.objects.remove(object.object())
	var none T
	t.slots[rep] = none
	t.free = append(t.free, rep)
	return object
}
