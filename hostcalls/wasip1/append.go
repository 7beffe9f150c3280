package wasip1

import (
	"container/list"
	"sync"

	"github.com/reactord/reactord/hostcalls/vfs"
)

// appends sees to it that what one call appends to a file is in one piece, though it may take several
// writes: the processes that share an appends append to a file one after the other, in the order in
// which they asked. Its methods are for any goroutine.
type appends struct {
	mu    sync.Mutex
	files map[vfs.ID]*list.List // the turns of a file, the first of which is under way; none is empty
}

// newAppends makes an appends for the processes of a node.
func newAppends() *appends { return &appends{files: map[vfs.ID]*list.List{}} }

// turn is a place among those who append to a file. It is a Notifier of its coming.
type turn struct {
	appends *appends
	file    vfs.ID
	place   *list.Element // nil once it is over
	wake    func()        // nil unless somebody waits
}

// queue takes a place at the end. Whoever does ends the turn.
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

// come tells whether it is t's turn.
func (t *turn) come() bool {
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

// end gives the place up, whether or not it is t's turn. The first end counts.
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
