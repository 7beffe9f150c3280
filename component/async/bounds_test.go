package async

import "testing"

func TestBackpressureIsBounded(t *testing.T) {
	var store Store
	var i Instance
	i.Init(&store)
	if err := i.DecBackpressure(); err != errNoBackpressure {
		t.Errorf("below zero: %v", err)
	}
	for range maxBackpressure {
		if err := i.IncBackpressure(); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.IncBackpressure(); err != errBackpressure {
		t.Errorf("above the bound: %v", err)
	}
}

func TestItemsAreBounded(t *testing.T) {
	readable, _ := NewStream[struct{}](nil, nil)
	if err := readable.CanCopy(maxItems, false); err != nil {
		t.Error(err)
	}
	if err := readable.CanCopy(maxItems+1, false); err != errTooManyItems {
		t.Errorf("above the bound: %v", err)
	}
}

// A buffer is the driver's: the machine lets go of it when the copy's event is told.
func TestBufferIsForgotten(t *testing.T) {
	readable, writable := NewStream[*int](nil, nil)
	items := new(int)
	if _, err := writable.Begin(items, 2); err != nil {
		t.Fatal(err)
	}
	n, err := readable.Begin(new(int), 1)
	if n != 1 || err != nil {
		t.Fatalf("%d items can move, %v", n, err)
	}
	readable.Moved(n)
	if buffer, progress := writable.Buffer(); *buffer != items || progress != 1 {
		t.Errorf("after one item: %v, %d", *buffer, progress)
	}
	writable.Take()
	if buffer, _ := writable.Buffer(); *buffer != nil {
		t.Error("the buffer is kept after the event")
	}
}
