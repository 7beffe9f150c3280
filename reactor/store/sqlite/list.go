package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strconv"

	"github.com/reactord/reactord/reactor/store"
)

const (
	defaultLimit = 100
	// scanLimit bounds the records that one page examines.
	scanLimit = 4096
	// rareLimit is how far label values are counted to find the rarest.
	rareLimit = 1000
)

// parseToken parses a page token: the number of the last record examined.
func parseToken(token string) (int64, error) {
	if token == "" {
		return math.MaxInt64, nil
	}
	seq, err := strconv.ParseInt(token, 10, 64)
	if err != nil || seq <= 0 {
		return 0, store.ErrBadToken
	}
	return seq, nil
}

// scan yields the numbers of records that may match a filter, newest first, from one index. The query
// takes its own arguments, then the number to stay below, then the limit.
type scan struct {
	query string
	args  []any
}

func (s scan) next(c *conn, below int64, limit int) ([]int64, error) {
	return c.int64s(s.query, append(s.args[:len(s.args):len(s.args)], below, limit)...)
}

// plan chooses the index for a filter: a label that must have a value if there is one, else the module or the
// states, whichever select fewer workloads. It reads only indices, so a damaged record does not end a
// list.
func plan(c *conn, f *store.Filter) (scan, error) {
	byLabel, rarest := scan{}, int64(math.MaxInt64)
	for _, r := range f.Labels {
		if r.Op != store.Equal {
			continue
		}
		var n int64
		_, err := c.one(`SELECT count(*) FROM (SELECT 1 FROM labels WHERE key = ? AND value = ? LIMIT ?)`, []any{r.Key, r.Value, rareLimit}, &n)
		if err != nil {
			return scan{}, err
		}
		if n < rarest {
			rarest = n
			byLabel = scan{`SELECT seq FROM labels WHERE key = ? AND value = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, []any{r.Key, r.Value}}
		}
	}
	if byLabel.query != "" {
		return byLabel, nil
	}
	states := f.States
	if states == 0 {
		states = store.Unfinished | store.Finished
	}
	byStates := scanStates(states)
	if f.Module == nil {
		return byStates, nil
	}
	var ofModule int64
	_, err := c.one(`SELECT ifnull(sum(n), 0) FROM counts WHERE module = ?`, []any{f.Module[:]}, &ofModule)
	if err != nil {
		return scan{}, err
	}
	counts, err := countStates(c)
	if err != nil || counts.Of(states) < ofModule {
		return byStates, err
	}
	return scan{`SELECT seq FROM workloads WHERE module = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, []any{f.Module[:]}}, nil
}

// scanStates merges one range of the index for each state. SQLite would sort all of them if the query used
// IN.
func scanStates(states store.StateSet) scan {
	query, args := "", []any{}
	n := len(statesOf(states))
	for i, state := range statesOf(states) {
		if i > 0 {
			query += " UNION ALL "
		}
		// All ranges share the last two parameters.
		query += `SELECT seq FROM (SELECT seq FROM workloads INDEXED BY workloads_state WHERE state = ?` + strconv.Itoa(i+1) +
			` AND seq < ?` + strconv.Itoa(n+1) + ` ORDER BY seq DESC LIMIT ?` + strconv.Itoa(n+2) + `)`
		args = append(args, int64(state))
	}
	return scan{query + ` ORDER BY seq DESC LIMIT ?` + strconv.Itoa(n+2), args}
}

func statesOf(set store.StateSet) []store.State {
	var states []store.State
	for s := range set.All() {
		states = append(states, s)
	}
	return states
}

// list returns a page.
func list(ctx context.Context, c *conn, q store.Query) (store.Page, error) {
	below, err := parseToken(q.Token)
	if err != nil {
		return store.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	s, err := plan(c, &q.Filter)
	if err != nil {
		return store.Page{}, err
	}
	var g collector
	keep := func(r *record) (bool, error) { return r.match(&q.Filter) }
	more := true
	for looked := 0; more && g.len() < limit && !g.full() && looked < scanLimit; {
		block := min(limit, scanLimit)
		seqs, err := s.next(c, below, block+1)
		if err != nil {
			return store.Page{}, err
		}
		more = len(seqs) > block
		for _, seq := range seqs[:min(block, len(seqs))] {
			if g.len() == limit || g.full() {
				more = true
				break
			}
			if err := ctx.Err(); err != nil {
				return store.Page{}, err
			}
			if err := g.add(c, seq, keep); err != nil {
				return store.Page{}, err
			}
			below, looked = seq, looked+1
		}
	}
	page := store.Page{Workloads: g.workloads, Corrupt: g.corrupt}
	if more {
		page.Next = strconv.FormatInt(below, 10)
	}
	return page, nil
}

// match reports whether the record matches a filter.
func (r *record) match(f *store.Filter) (bool, error) {
	if f.States != 0 && !f.States.Has(store.State(r.state)) || f.Module != nil && *f.Module != r.digest() {
		return false, nil
	}
	if len(f.Labels) == 0 {
		return true, nil
	}
	labels, err := parseLabels(r.labels)
	if err != nil {
		return false, corruptWorkload(r.id, err)
	}
	return f.MatchLabels(labels), nil
}

// changes returns the workloads that changed after a revision.
func changes(ctx context.Context, c *conn, since int64, limit int) (store.Changes, error) {
	lowest, err := floor(c)
	if err != nil {
		return store.Changes{}, err
	}
	if since > 0 && since < lowest {
		return store.Changes{}, store.ErrCursorExpired
	}
	found := store.Changes{Next: since}
	var seqs, revisions []int64
	err = c.each(`SELECT seq, revision FROM (SELECT seq, revision FROM workloads WHERE state < 3 AND revision > ?1 ORDER BY revision LIMIT ?2)
		UNION ALL
		SELECT seq, revision FROM (SELECT seq, revision FROM workloads WHERE state >= 3 AND revision > ?1 ORDER BY revision LIMIT ?2)
		ORDER BY revision LIMIT ?2`, []any{since, limit}, func(rows *sql.Rows) error {
		var seq, revision int64
		if err := rows.Scan(&seq, &revision); err != nil {
			return err
		}
		seqs, revisions = append(seqs, seq), append(revisions, revision)
		return nil
	})
	if err != nil {
		return found, err
	}
	if len(seqs) == 0 {
		m, err := loadMarks(c)
		if err == nil && since > m.revision {
			err = store.ErrCursorExpired
		}
		return found, err
	}
	var g collector
	for i, seq := range seqs {
		if err := ctx.Err(); err != nil {
			return store.Changes{Next: since}, err
		}
		if err := g.add(c, seq, nil); err != nil {
			return store.Changes{Next: since}, err
		}
		found.Next = revisions[i]
		if g.full() {
			break
		}
	}
	found.Workloads, found.Corrupt = g.workloads, g.corrupt
	return found, nil
}
