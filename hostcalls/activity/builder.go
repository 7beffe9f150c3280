package activity

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// maxGroups bounds the groups, of calls and of waits, and the streams and instances of a description.
	maxGroups = 100
	// maxLinked bounds the calls of which it is found out whether they wait for each other.
	maxLinked = 4096
)

// Builder makes an Activity. The zero value is empty.
type Builder struct {
	a     Activity
	calls map[callKey]*Calls
	waits map[waitKey]*Waits
	links links

	lastCall *Calls // of calls and waits, many of the same come after each other
	lastWait *Waits
}

type callKey struct {
	instance int
	export   string
	state    State
}

type waitKey struct {
	instance int
	export   string
	kind     Kind
	target   string
}

// Call counts a call, which was made at a time, if that is known.
func (b *Builder) Call(instance int, export string, state State, made time.Time) {
	c := b.lastCall
	if c == nil || c.Instance != instance || c.State != state || c.Export != export {
		c = b.calls[callKey{instance, export, state}]
	}
	if c == nil {
		if len(b.calls) == maxGroups {
			b.a.OtherCalls++
			return
		}
		if b.calls == nil {
			b.calls = map[callKey]*Calls{}
		}
		c = &Calls{Instance: instance, Export: export, State: state}
		b.calls[callKey{instance, export, state}] = c
	}
	b.lastCall = c
	c.Count++
	if !made.IsZero() && (c.Oldest.IsZero() || made.Before(c.Oldest)) {
		c.Oldest = made
	}
}

// Wait counts what calls of an export wait for.
func (b *Builder) Wait(instance int, export string, kind Kind, target string) {
	w := b.lastWait
	if w == nil || w.Instance != instance || w.Kind != kind || w.Export != export || w.Target != target {
		w = b.waits[waitKey{instance, export, kind, target}]
	}
	if w == nil {
		if len(b.waits) == maxGroups {
			b.a.OtherWaits++
			return
		}
		if b.waits == nil {
			b.waits = map[waitKey]*Waits{}
		}
		w = &Waits{Instance: instance, Export: export, Kind: kind, Target: target}
		b.waits[waitKey{instance, export, kind, target}] = w
	}
	b.lastWait = w
	w.Count++
}

// Stream adds a stream or future. If there are many, those at which somebody waits are kept.
func (b *Builder) Stream(s Stream) {
	if len(b.a.Streams) < maxGroups {
		b.a.Streams = append(b.a.Streams, s)
		return
	}
	b.a.OtherStreams++
	if !s.Waiting() {
		return
	}
	if i := slices.IndexFunc(b.a.Streams, func(s Stream) bool { return !s.Waiting() }); i >= 0 {
		b.a.Streams[i] = s
	}
}

// Instance adds an instance, if it holds calls back or might.
func (b *Builder) Instance(i Instance) {
	if (i.Backpressure > 0 || i.Held > 0 || i.Exclusive != "") && len(b.a.Instances) < maxGroups {
		b.a.Instances = append(b.a.Instances, i)
	}
}

// Fibers says how many stacks wait with frames.
func (b *Builder) Fibers(n int) { b.a.Fibers = n }

// Link says that a call, of an export of an instance, can't go on before another one has, unless something else lets it go on.
func (b *Builder) Link(call uint32, instance int, export string, on uint32) {
	b.links.link(call, instance, export, on)
}

// Loose says that a call can go on without others.
func (b *Builder) Loose(call uint32) { b.links.loose(call) }

// Activity returns the description. Busy says that not all was found, since the component computes.
func (b *Builder) Activity(busy bool) *Activity {
	a := b.a
	a.Busy = busy
	for _, c := range b.calls {
		a.Calls = append(a.Calls, *c)
	}
	slices.SortFunc(a.Calls, func(x, y Calls) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Instance, y.Instance), cmp.Compare(x.Export, y.Export), cmp.Compare(x.State, y.State))
	})
	for _, w := range b.waits {
		a.Waits = append(a.Waits, *w)
	}
	slices.SortFunc(a.Waits, func(x, y Waits) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Instance, y.Instance), cmp.Compare(x.Export, y.Export),
			cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Target, y.Target))
	})
	if !busy {
		a.Circle = b.links.circle()
	}
	return &a
}

// links are which calls wait for which.
type links struct {
	calls map[uint32]*linked
	many  bool // there are too many to find out
}

type linked struct {
	instance int
	export   string
	on       []uint32
	loose    bool
}

func (l *links) of(call uint32) *linked {
	if l.many {
		return nil
	}
	c := l.calls[call]
	if c == nil {
		if len(l.calls) == maxLinked {
			l.calls, l.many = nil, true
			return nil
		}
		if l.calls == nil {
			l.calls = map[uint32]*linked{}
		}
		c = &linked{}
		l.calls[call] = c
	}
	return c
}

func (l *links) link(call uint32, instance int, export string, on uint32) {
	c := l.of(call)
	switch {
	case c == nil:
	case len(c.on) == maxGroups: // it has enough that may let it go on
		c.loose = true
	default:
		c.instance, c.export, c.on = instance, export, append(c.on, on)
	}
}

func (l *links) loose(call uint32) {
	if c := l.of(call); c != nil {
		c.loose = true
	}
}

// circle returns calls each of which waits for the next one, if none of them can go on: any of those that a call waits for would
// do.
func (l *links) circle() (names []string) {
	waiters := map[uint32][]uint32{}
	var free []uint32 // calls that can go on, whose waiters can then, too
	for call, c := range l.calls {
		if c.loose || len(c.on) == 0 {
			free = append(free, call)
		}
		for _, on := range c.on {
			waiters[on] = append(waiters[on], call)
			if l.calls[on] == nil { // it is not known what it does
				free = append(free, call)
			}
		}
	}
	canGoOn := map[uint32]bool{}
	for len(free) > 0 {
		call := free[len(free)-1]
		free = free[:len(free)-1]
		if !canGoOn[call] {
			canGoOn[call] = true
			free = append(free, waiters[call]...)
		}
	}
	for _, call := range slices.Sorted(maps.Keys(l.calls)) {
		if !canGoOn[call] {
			return l.walk(call)
		}
	}
	return nil
}

// walk follows what calls wait for, from one that can't go on, until it comes back to one.
func (l *links) walk(call uint32) (names []string) {
	at := map[uint32]int{}
	for {
		if i, seen := at[call]; seen {
			return names[i:]
		}
		at[call] = len(names)
		c := l.calls[call]
		names = append(names, fmt.Sprintf("%s of instance %d", c.export, c.instance))
		call = c.on[0]
	}
}
