package component

import (
	"errors"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine"
)

// thing is a host object that writes down when it is dropped.
type thing struct {
	Object
	name    string
	dropped *[]string
}

func (t *thing) Drop() { *t.dropped = append(*t.dropped, t.name) }

func TestObjects(t *testing.T) {
	s := &Store{}
	var dropped []string
	var files, streams Objects[*thing]
	c := &Call{store: s}
	file := &thing{name: "file", dropped: &dropped}
	f := files.Add(s, file, nil)
	a := streams.Add(s, &thing{name: "a", dropped: &dropped}, file)
	b := streams.Add(s, &thing{name: "b", dropped: &dropped}, file)
	if files.Get(f) != file || streams.Get(b).name != "b" || streams.Len() != 2 {
		t.Fatal("the numbers do not stand for the objects")
	}
	if trap := trapOf(func() { files.Drop(c, f) }); trap == nil {
		t.Error("a file was dropped before its streams")
	}
	streams.Drop(c, a)
	if again := streams.Add(s, &thing{name: "c", dropped: &dropped}, file); again != a {
		t.Errorf("a number is %d, want %d again", again, a)
	}
	other := files.Add(s, &thing{name: "other", dropped: &dropped}, nil)
	files.Drop(c, other)
	s.objects.dropAll(func() {})
	if want := []string{"a", "other", "c", "b", "file"}; !slices.Equal(dropped, want) {
		t.Errorf("dropped %q, want %q", dropped, want)
	}
}

// trapOf returns the trap by which f ends the guest, or nil.
func trapOf(f func()) (trap *engine.Trap) {
	defer func() {
		if err, ok := recover().(error); ok {
			trap, _ = errors.AsType[*engine.Trap](err)
			if trap == nil {
				trap = &engine.Trap{Message: err.Error()}
			}
		}
	}()
	f()
	return nil
}
