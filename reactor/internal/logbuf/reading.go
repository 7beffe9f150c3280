package logbuf

import (
	"bytes"
	"sort"

	"github.com/reactord/reactord/reactor/store"
)

// Written returns how many bytes the guest wrote, and how many of them were not kept.
func (l *Log) Written() (written, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.end), uint64(l.cut().Size() + l.gaps.bytes)
}

// Extent is how far a log reaches.
type Extent struct {
	Stored   int64 // what is kept below this position is in the store
	End      int64
	Cut      store.Cut
	Released bool // nothing more will come
}

// Extent returns how far the log reaches.
func (l *Log) Extent() Extent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Extent{l.stored, l.end, l.cut(), l.released}
}

// Read returns what the log holds from a position on, at least some of it if there is any, and the position to continue
// from. ok is false if what is at the position is in the store.
func (l *Log) Read(position int64, limit int) (entries []store.LogEntry, next int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position < l.stored {
		return nil, position, false
	}
	cut, next := l.cut(), position
	for _, list := range [][]store.LogChunk{l.sure, l.held} {
		i := sort.Search(len(list), func(i int) bool { return list[i].End() > position })
		for ; i < len(list) && limit > 0; i++ {
			next = list[i].End()
			for _, c := range visible(list[i], position, cut) {
				if l.over && c.Offset >= l.private {
					c.Data = bytes.Clone(c.Data)
				}
				entries = append(entries, store.LogEntry{Attempt: l.attempt, LogChunk: c})
				limit -= len(c.Data)
			}
		}
	}
	if limit > 0 {
		next = max(position, l.end)
	}
	return entries, next, true
}

// visible returns what a reader gets of a chunk: what lies behind a position and not in the cut.
func visible(c store.LogChunk, position int64, cut store.Cut) []store.LogChunk {
	part := func(from, to int64) []store.LogChunk {
		from, to = max(from, c.Offset, position), min(to, c.End())
		if from >= to {
			return nil
		}
		p := c
		p.Data, p.Offset = c.Data[from-c.Offset:to-c.Offset], from
		return []store.LogChunk{p}
	}
	if cut.Size() == 0 {
		return part(c.Offset, c.End())
	}
	return append(part(c.Offset, cut.From), part(cut.To, c.End())...)
}

// Changed returns a channel that is closed when the log changes: more was written or stored, or the log ended. Get
// the channel before looking.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed.Next()
}
