package component

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
)

func TestHandles(t *testing.T) {
	file, socket := &types.Resource{Name: "file"}, &types.Resource{}
	var table handleTable
	add := func(h handle) uint32 {
		index, err := table.add(h)
		if err != nil {
			t.Fatal(err)
		}
		return index
	}
	own := func(r *types.Resource, rep uint32) handle { return handle{kind: ownHandle, resource: r, rep: rep} }
	for want := uint32(1); want <= 4; want++ {
		if got := add(own(file, 10*want)); got != want {
			t.Fatalf("handle %d, want %d", got, want)
		}
	}
	for _, index := range []uint32{2, 4} {
		if rep, err := table.takeOwn(index, file); err != nil || rep != 10*index {
			t.Errorf("took %d, %v", rep, err)
		}
	}
	// The last one that became free is the first to be used again.
	for _, want := range []uint32{4, 2, 5} {
		if got := add(own(socket, 0)); got != want {
			t.Errorf("handle %d, want %d", got, want)
		}
	}
	table.entries[1].lends = 1
	table.entries[3].kind = borrowHandle
	if _, err := table.take(5, socket); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		index    uint32
		resource *types.Resource
		want     string
	}{
		{0, file, "unknown handle index 0"},
		{5, socket, "unknown handle index 5"},
		{6, file, "unknown handle index 6"},
		{1 << 31, file, "unknown handle index 2147483648"},
		{4, file, "handle index 4 is used as the resource type file, but it is of a resource type without a name"},
		{1, file, "while it is lent"},
		{3, file, "handle index 3 is borrowed"},
	} {
		if _, err := table.takeOwn(tt.index, tt.resource); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("takeOwn(%d) = %v, want %q", tt.index, err, tt.want)
		}
	}
}

func TestHandlesAreBounded(t *testing.T) {
	var table handleTable
	for range maxHandles {
		if _, err := table.add(handle{kind: ownHandle}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.add(handle{kind: ownHandle}); err == nil {
		t.Error("there is no bound on handles")
	}
	if _, err := table.take(7, nil); err != nil {
		t.Error(err)
	}
	if index, err := table.add(handle{kind: ownHandle}); index != 7 || err != nil {
		t.Errorf("handle %d, %v; want 7", index, err)
	}
}
