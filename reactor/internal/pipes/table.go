package pipes

import (
	"slices"

	"github.com/reactord/reactord/hostcalls"
)

// Pair names a pipe: From's standard output is To's standard input. Both are of one tenant.
type Pair struct{ Tenant, From, To string }

// Side is one end of a pair.
type Side uint8

// The sides.
const (
	From Side = iota
	To
)

func (s Side) other() Side { return 1 - s }

// Workload returns the id on a side.
func (p Pair) Workload(s Side) string {
	if s == From {
		return p.From
	}
	return p.To
}

// nameOf names a workload for people.
func nameOf(id string) string {
	const kind = "workload "
	return kind + id
}

// state is where the workload on a side is.
type state uint8

const (
	awaited state = iota // it has not started, or was stopped before it used the pipe
	joined               // it has a Reader or Writer
	left                 // it will not use the pipe any more
)

// link is a pair with its pipe.
type link struct {
	pair  Pair
	sides [2]state
	used  [2]*use // of the attempts that have joined
	why   [2]string
	data  *hostcalls.Pipe
}

// table has the pairs of which not both sides have left. It is a plain value: whoever shares it locks it.
type table struct {
	links     map[Pair]*link
	named     map[string][]*link // by each workload of the pair
	forgotten []*link            // since takeForgotten
}

func newTable() table { return table{links: map[Pair]*link{}, named: map[string][]*link{}} }

// join has a workload join a pair, with the use that its new attempt makes of it, unless it has left the pair before.
func (t *table) join(pair Pair, side Side, u *use) *link {
	l := t.links[pair]
	if l == nil {
		l = &link{pair: pair, data: hostcalls.NewPipe(Bytes)}
		l.data.Hold()
		t.links[pair] = l
		t.named[pair.From] = append(t.named[pair.From], l)
		t.named[pair.To] = append(t.named[pair.To], l)
	}
	if l.sides[side] == left {
		return l
	}
	l.sides[side], l.used[side] = joined, u
	if l.sides[To] == joined {
		l.data.Release()
	}
	t.dismiss(pair, side)
	return l
}

// dismiss has a workload that has joined one pair on a side leave all others that name it there.
func (t *table) dismiss(pair Pair, side Side) {
	id := pair.Workload(side)
	for _, l := range slices.Clone(t.named[id]) {
		if l.pair != pair && l.pair.Tenant == pair.Tenant && l.pair.Workload(side) == id {
			t.leave(l, side, false, nameOf(id)+" has another partner")
		}
	}
}

// end has a workload leave its pairs: by itself, or otherwise. If it is to have another attempt it keeps its place in
// those that it has not used.
func (t *table) end(tenant, id string, how End) {
	for _, l := range slices.Clone(t.named[id]) {
		if l.pair.Tenant != tenant {
			continue
		}
		side := From
		if l.pair.To == id {
			side = To
		}
		if how == Again && l.sides[side] != left && (l.used[side] == nil || !l.used[side].made()) {
			l.sides[side], l.used[side] = awaited, nil
			continue
		}
		t.leave(l, side, how == Exited, nameOf(id)+" "+how.String())
	}
}

// leave has a side leave for good, and says why. The other side gets the rest and the end of input if complete is true,
// otherwise an error.
func (t *table) leave(l *link, side Side, complete bool, why string) {
	if l.sides[side] == left {
		return
	}
	l.sides[side], l.why[side] = left, why
	switch {
	case side == To:
		l.data.CloseRead()
	case complete:
		l.data.CloseWrite()
	default:
		l.data.Fail(&BrokenError{why})
	}
	if l.sides[side.other()] == left {
		t.forget(l)
	}
}

func (t *table) forget(l *link) {
	t.forgotten = append(t.forgotten, l)
	delete(t.links, l.pair)
	for _, id := range []string{l.pair.From, l.pair.To} {
		rest := slices.DeleteFunc(t.named[id], func(other *link) bool { return other == l })
		if len(rest) == 0 {
			delete(t.named, id)
		} else {
			t.named[id] = rest
		}
	}
}

// takeForgotten returns the links that were forgotten since it was last called.
func (t *table) takeForgotten() []*link {
	links := t.forgotten
	t.forgotten = nil
	return links
}
