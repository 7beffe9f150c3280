package wasip1

import (
	"math/rand/v2"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// blank is a descriptor that counts how often it is closed.
type blank struct {
	fdstat
	closed int
}

func (b *blank) close(_ *Process, onClosed func()) { b.closed++; onClosed() }

func newTable(limit int) *table {
	t := new(table)
	t.init(limit, nil, &hostcalls.Guest{})
	return t
}

func TestTableGivesTheLowestNumber(t *testing.T) {
	tab := newTable(8)
	for want := range uint32(5) {
		if fd, e := tab.add(new(blank)); fd != want || e != errnoSuccess {
			t.Fatalf("add = %d, errno %d; want %d", fd, e, want)
		}
	}
	for _, fd := range []uint32{3, 1} {
		if _, e := tab.remove(fd); e != errnoSuccess {
			t.Fatalf("remove(%d): errno %d", fd, e)
		}
	}
	for _, want := range []uint32{1, 3, 5} {
		if fd, e := tab.add(new(blank)); fd != want || e != errnoSuccess {
			t.Errorf("add = %d, errno %d; want %d", fd, e, want)
		}
	}
}

func TestTableIsBounded(t *testing.T) {
	tab := newTable(4)
	for range 4 {
		if _, e := tab.add(new(blank)); e != errnoSuccess {
			t.Fatalf("add: errno %d", e)
		}
	}
	if _, e := tab.add(new(blank)); e != errnoMfile || !tab.full() {
		t.Errorf("add to a full table: errno %d, want mfile", e)
	}
	for _, fd := range []uint32{4, 1 << 31, 1<<32 - 1} {
		if _, e := tab.get(fd); e != errnoBadf {
			t.Errorf("get(%d): errno %d, want badf", fd, e)
		}
	}
}

func TestTableRenumber(t *testing.T) {
	a, b := new(blank), new(blank)
	tests := []struct {
		name     string
		from, to uint32
		old      descriptor
		e        errno
	}{
		{"onto another", 0, 1, b, errnoSuccess},
		{"onto itself", 1, 1, nil, errnoSuccess},
		{"of none", 2, 1, nil, errnoBadf},
		{"onto a free number", 0, 2, nil, errnoBadf},
		{"onto a number out of range", 0, 1 << 31, nil, errnoBadf},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tab := newTable(8)
			_, _ = tab.add(a)
			_, _ = tab.add(b)
			if old, e := tab.renumber(tt.from, tt.to); old != tt.old || e != tt.e {
				t.Errorf("renumber = %v, errno %d; want %v, errno %d", old, e, tt.old, tt.e)
			}
		})
	}
}

// TestTableAgainstModel compares the table with a map, over random operations.
func TestTableAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	const limit = 12
	tab, model := newTable(limit), map[uint32]descriptor{}
	lowest := func() uint32 {
		fd := uint32(0)
		for model[fd] != nil {
			fd++
		}
		return fd
	}
	for range 20_000 {
		a, b := random.Uint32N(limit+2), random.Uint32N(limit+2)
		switch random.IntN(3) {
		case 0:
			d, want := new(blank), lowest()
			fd, e := tab.add(d)
			if (e == errnoSuccess) != (want < limit) || (e == errnoSuccess && fd != want) {
				t.Fatalf("add = %d, errno %d; want %d", fd, e, want)
			}
			if e == errnoSuccess {
				model[fd] = d
			}
		case 1:
			d, e := tab.remove(a)
			if d != model[a] || (e == errnoSuccess) != (model[a] != nil) {
				t.Fatalf("remove(%d) = %v, errno %d; want %v", a, d, e, model[a])
			}
			delete(model, a)
		case 2:
			old, e := tab.renumber(a, b)
			if ok := model[a] != nil && model[b] != nil; ok != (e == errnoSuccess) {
				t.Fatalf("renumber(%d, %d): errno %d", a, b, e)
			}
			if e == errnoSuccess && a != b {
				if old != model[b] {
					t.Fatalf("renumber(%d, %d) = %v, want %v", a, b, old, model[b])
				}
				model[b] = model[a]
				delete(model, a)
			}
		}
		for fd := range uint32(limit + 2) {
			if d, _ := tab.get(fd); d != model[fd] {
				t.Fatalf("get(%d) = %v, want %v", fd, d, model[fd])
			}
		}
	}
}

func TestRights(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		d := &blank{fdstat: fdstat{base: rightFdSeek | rightFdRead}}
		if _, e := c.fds.add(d); e != errnoSuccess {
			t.Fatal(e)
		}
		for need, want := range map[rights]errno{
			0:                           errnoSuccess,
			rightFdRead:                 errnoSuccess,
			rightFdRead | rightFdSeek:   errnoSuccess,
			rightFdTell:                 errnoNotcapable,
			rightFdWrite:                errnoBadf,
			rightFdWrite | rightFdTell:  errnoBadf,
			rightFdRead | rightFdAdvise: errnoNotcapable,
		} {
			if _, e := c.descriptor(3, need); e != want {
				t.Errorf("rights %#x: errno %d, want %d", need, e, want)
			}
		}
	})
}

// Descriptors count against the shared budget, whichever way they are opened and closed.
func TestDescriptorBudget(t *testing.T) {
	var tab table
	budget := hostcalls.NewBudget(2)
	tab.init(100, budget, &hostcalls.Guest{})
	left := func() (n int64) {
		for budget.Take("", 1) {
			n++
		}
		budget.Give("", n)
		return n
	}
	add := func(d descriptor, want errno) uint32 {
		t.Helper()
		fd, e := tab.add(d)
		if e != want {
			t.Errorf("add: %v, want %v", e, want)
		}
		return fd
	}
	in, one := add(new(stdin), errnoSuccess), add(new(tcpSocket), errnoSuccess)
	two := add(new(file), errnoSuccess)
	add(new(tcpSocket), errnoNfile)
	if left() != 0 {
		t.Errorf("%d left of 2, less a connection and a file", left())
	}
	old, e := tab.renumber(two, one)
	if e != errnoSuccess || left() != 0 {
		t.Errorf("%d left before the connection is closed (%v)", left(), e)
	}
	if tab.returnBudget(old); left() != 1 {
		t.Errorf("%d left when the connection is gone", left())
	}
	if old, e = tab.renumber(one, in); e != errnoSuccess || left() != 1 {
		t.Errorf("%d left when the file has another number (%v)", left(), e)
	}
	tab.returnBudget(old)
	if old, e = tab.remove(in); e != errnoSuccess {
		t.Error(e)
	}
	if tab.returnBudget(old); left() != 2 {
		t.Errorf("%d left when all are gone", left())
	}
	if add(new(folder), errnoSuccess); left() != 1 {
		t.Errorf("%d left of 2, less a folder", left())
	}
}

// A process's open descriptors go back to the budget when it ends.
func TestProcessGivesBackDescriptors(t *testing.T) {
	budget := hostcalls.NewBudget(1)
	config := abi.Config{Budget: budget, Grants: []capability.Grant{folderGrant{HostPath: t.TempDir(), GuestPath: "/"}}}
	for range 3 {
		withProcess(t, config, func(_ *caller) {
			if budget.Take("", 1) {
				t.Error("a folder takes up no descriptors")
			}
		})
	}
	if !budget.Take("", 1) {
		t.Error("descriptors were not given back")
	}
}
