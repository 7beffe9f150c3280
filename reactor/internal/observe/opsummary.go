package observe

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
)

// SummarizeOps counts what workloads wait for, by kind and target, and returns the largest groups, at most so many.
func (o *Observer) SummarizeOps(ctx context.Context, of Selected, filter OpFilter, groups int) (api.OpSummary, error) {
	var census census
	var answer api.OpSummary
	var buffer []hostcalls.Op
	now := time.Now()
	err := o.each(ctx, of, func(w running) {
		if buffer = w.attempt.AppendOps(buffer[:0]); mayBeStuck(buffer) {
			if _, stuck := o.stuck(w.id, w.attempt); stuck {
				answer.Stuck++
			}
		}
		if buffer = filter.keep(buffer, now); len(buffer) == 0 {
			return
		}
		answer.Waiting++
		for i := range buffer {
			census.count(w.id, &buffer[i])
		}
	})
	answer.Groups, answer.Others = census.largest(groups)
	return answer, err
}

// maxGroups bounds the groups that a census knows: targets are the guests' choice.
const maxGroups = 4096

// census counts operations by what they wait for. While it meets no more than maxGroups groups the counts are exact. Beyond
// that it forgets groups, counts their operations as others, and counts from there on if it meets them again.
//
// It forgets the half of the groups with the least credit, which is a group's count less what it was spared before: each
// time it takes the largest credit of that half, c, from the other half. A group so loses c operations at most while the
// others lose c for each of maxGroups/2 groups: of any group it misses at most one operation for every maxGroups/2 that
// there are. (The algorithm of Misra and Gries, many steps at once.)
type census struct {
	untargeted [hostcalls.OpKinds]group // timers, for example; most operations are such
	targeted   map[groupKey]*group
	others     uint64
}

type groupKey struct {
	kind   hostcalls.OpKind
	target string
}

type group struct {
	groupKey
	count  uint64
	credit uint64
	oldest time.Time
	whose  string   // the workload of the oldest
	peers  []string // the workloads at the other end, in order: the first ones by id
}

// maxPeers bounds the peers of a group that are told.
const maxPeers = 4

// keyOf returns the group of an operation. The guests' own streams are the same target for all, and so are the connections
// that one listener has accepted.
func keyOf(op *hostcalls.Op) groupKey {
	switch op.Target {
	case hostcalls.Stdin, hostcalls.Stdout, hostcalls.Stderr:
		return groupKey{kind: op.Kind}
	default:
		return groupKey{op.Kind, op.Group()}
	}
}

func (c *census) count(id string, op *hostcalls.Op) {
	key := keyOf(op)
	if key.target == "" {
		g := &c.untargeted[key.kind]
		g.kind = key.kind
		g.add(id, op)
		return
	}
	g := c.targeted[key]
	if g == nil {
		if len(c.targeted) >= maxGroups {
			c.forget()
		}
		if c.targeted == nil {
			c.targeted = make(map[groupKey]*group)
		}
		g = &group{groupKey: key}
		c.targeted[key] = g
	}
	g.add(id, op)
}

func (g *group) add(id string, op *hostcalls.Op) {
	g.credit++
	g.count++
	if order := op.Start.Compare(g.oldest); g.count == 1 || order < 0 || order == 0 && id < g.whose {
		g.oldest, g.whose = op.Start, id
	}
	peer := op.OtherEnd()
	if peer == "" {
		return
	}
	if at, known := slices.BinarySearch(g.peers, peer); !known && at < maxPeers {
		g.peers = slices.Insert(g.peers, at, peer)
		g.peers = g.peers[:min(len(g.peers), maxPeers)]
	}
}

// forget forgets the half of the groups with the least credit.
func (c *census) forget() {
	all := slices.SortedFunc(maps.Values(c.targeted), func(a, b *group) int { return cmp.Compare(b.credit, a.credit) })
	kept, forgotten := all[:len(all)/2], all[len(all)/2:]
	for _, g := range kept {
		g.credit -= forgotten[0].credit
	}
	for _, g := range forgotten {
		c.others += g.count
		delete(c.targeted, g.groupKey)
	}
}

// largest returns the largest groups, at most n, and how many operations are in none of them.
func (c *census) largest(n int) (groups []api.OpGroup, others uint64) {
	all := slices.Collect(maps.Values(c.targeted))
	for i := range c.untargeted {
		if g := &c.untargeted[i]; g.count > 0 {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.kind, b.kind), cmp.Compare(a.target, b.target))
	})
	others = c.others
	for i, g := range all {
		if i >= n {
			others += g.count
			continue
		}
		groups = append(groups, api.OpGroup{
			Kind: api.OpKind(g.kind), Target: clip.Text(g.target, maxOpText), Count: g.count,
			OldestStartTime: g.oldest, OldestWorkloadID: g.whose, Peers: g.peers,
		})
	}
	return groups, others
}
