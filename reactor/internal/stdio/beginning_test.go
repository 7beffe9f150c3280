package stdio

import "testing"

func TestBeginning(t *testing.T) {
	var o Beginning
	piece := make([]byte, 10<<10)
	for range 10 {
		if n, err := o.Write(piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(o.Kept) != MaxBeginning || o.Dropped != 100<<10-MaxBeginning {
		t.Errorf("%d bytes are kept and %d dropped", len(o.Kept), o.Dropped)
	}
}
