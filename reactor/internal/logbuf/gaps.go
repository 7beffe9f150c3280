package logbuf

import (
	"slices"

	"github.com/reactord/reactord/reactor/store"
)

// span is a run of positions.
type span struct{ from, to int64 }

// maxGaps bounds the gaps whose positions are known. Of more gaps than that, the oldest two become one.
const maxGaps = 256

// gaps are the parts of a log that were dropped and are not cut out, in order.
type gaps struct {
	spans []span
	bytes int64 // in all
}

// add adds a gap, which overlaps no other.
func (g *gaps) add(from, to int64) {
	if from >= to {
		return
	}
	g.bytes += to - from
	i := len(g.spans)
	for i > 0 && g.spans[i-1].from > from { // most gaps come last
		i--
	}
	before := i > 0 && g.spans[i-1].to == from
	behind := i < len(g.spans) && g.spans[i].from == to
	switch {
	case before && behind:
		g.spans[i-1].to = g.spans[i].to
		g.spans = slices.Delete(g.spans, i, i+1)
	case before:
		g.spans[i-1].to = to
	case behind:
		g.spans[i].from = from
	default:
		g.spans = slices.Insert(g.spans, i, span{from, to})
	}
	if len(g.spans) > maxGaps { // the number of bytes stays right, the place of one is not
		g.spans[1].from -= g.spans[0].to - g.spans[0].from
		g.spans = slices.Delete(g.spans, 0, 1)
	}
}

// remove removes what lies in a cut, which counts it.
func (g *gaps) remove(cut store.Cut) {
	overlaps := func(s span) bool { return s.from < cut.To && s.to > cut.From }
	if !slices.ContainsFunc(g.spans, overlaps) {
		return
	}
	var kept []span
	g.bytes = 0
	keep := func(s span) {
		if s.from < s.to {
			kept = append(kept, s)
			g.bytes += s.to - s.from
		}
	}
	for _, s := range g.spans {
		if !overlaps(s) {
			keep(s)
			continue
		}
		keep(span{s.from, cut.From})
		keep(span{cut.To, s.to})
	}
	g.spans = kept
}
