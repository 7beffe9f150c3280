package files

import (
	"container/list"
	"sync"

	"github.com/reactord/reactord/hostcalls/vfs"
)

// Appends serializes the appends to each file: the processes that share it append one after the other, in the
// order in which they queued. So the bytes that one call appends stay together, although they may take several
// writes. Its methods may be called from any goroutine.
type Appends struct {
	mu    sync.Mutex
	files map[vfs.ID]*list.List // the turns of each file, never empty; the first is the current one
}

// NewAppends makes the appends of a node.
func NewAppends() *Appends { return &Appends{files: map[vfs.ID]*list.List{}} }

// Turn is a place in the queue of a file. As a Notifier it is ready when it is the first. Its fields are
// guarded by Appends.mu.
type Turn struct {
	appends *Appends
	file    vfs.ID
	place   *list.Element // nil once it has ended
	wake    func()        // nil if nobody waits
}

// Queue returns a turn at the end of the file's queue. The caller must end it.
func (a *Appends) Queue(file vfs.ID) *Turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	turns := a.files[file]
	if turns == nil {
		turns = list.New()
		a.files[file] = turns
	}
	t := &Turn{appends: a, file: file}
	t.place = turns.PushBack(t)
	return t
}

// Ready reports whether t is the current turn.
func (t *Turn) Ready() bool {
	t.appends.mu.Lock()
	defer t.appends.mu.Unlock()
	return t.first()
}

func (t *Turn) first() bool { return t.place != nil && t.place.Prev() == nil }

// Notify implements hostcalls.Notifier.
func (t *Turn) Notify(wake func()) (stop func()) {
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

// End removes t from the queue, whether or not it is the current turn. Only the first call has an effect.
func (t *Turn) End() {
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
	if next := turns.Front().Value.(*Turn); first && next.wake != nil {
		next.wake()
	}
}

// Len returns the number of turns that have not ended.
func (a *Appends) Len() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, turns := range a.files {
		n += turns.Len()
	}
	return n
}
