package wasip1

import (
	"container/list"
	"sync"

	"github.com/reactord/reactord/hostcalls/vfs"
)

// appends serializes the appends to each file: the processes that share it append one after the other, in the
// order in which they queued. So the bytes that one call appends stay together, although they may take several
// writes. Its methods may be called from any goroutine.
type appends struct {
	mu    sync.Mutex
	files map[vfs.ID]*list.List // the turns of each file, never empty; the first is the current one
}

// newAppends makes the appends of a node.
func newAppends() *appends { return &appends{files: map[vfs.ID]*list.List{}} }

// turn is a place in the queue of a file. As a Notifier it is ready when it is the first. Its fields are
// guarded by appends.mu.
type turn struct {
	appends *appends
	file    vfs.ID
	place   *list.Element // nil once it has ended
	wake    func()        // nil if nobody waits
}

// queue returns a turn at the end of the file's queue. The caller must end it.
func (a *appends) queue(file vfs.ID) *turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	turns := a.files[file]
	if turns == nil {
		turns = list.New()
		a.files[file] = turns
	}
	t := &turn{appends: a, file: file}
	t.place = turns.PushBack(t)
	return t
}

// ready reports whether t is the current turn.
func (t *turn) ready() bool {
	t.appends.mu.Lock()
	defer t.appends.mu.Unlock()
	return t.first()
}

func (t *turn) first() bool { return t.place != nil && t.place.Prev() == nil }

// Notify implements hostcalls.Notifier.
func (t *turn) Notify(wake func()) (stop func()) {
	t.appends.mu.Lock()
	defer t.appends.mu.Unlock()
	if t.first() {
		wake()
	} else {
		t.wake = wake
	}
	return func() {
		t.appends.mu.Lock()
		defer t.appends.mu.Unlock()
		t.wake = nil
	}
}

// end removes t from the queue, whether or not it is the current turn. Only the first call has an effect.
func (t *turn) end() {
	a := t.appends
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.place == nil {
		return
	}
	turns := a.files[t.file]
	first := t.first()
	turns.Remove(t.place)
	t.place = nil
	if turns.Len() == 0 {
		delete(a.files, t.file)
		return
	}
	if next := turns.Front().Value.(*turn); first && next.wake != nil {
		next.wake()
	}
}
