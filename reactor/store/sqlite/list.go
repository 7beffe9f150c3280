package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"

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

// direction is the order of a list, in the words of SQL.
type direction struct {
	beyond string // how the next numbers compare with the last one
	order  string
}

var (
	newestFirst = direction{"<", "DESC"}
	oldestFirst = direction{">", "ASC"}
)

// start returns the number after which a page begins.
func (d direction) start(token string) (int64, error) {
	if token == "" && d == oldestFirst {
		return 0, nil
	}
	return parseToken(token)
}

// scan yields the numbers of records that may match a filter, in order, from one index. The query takes its own
// arguments, then the number to go on from, then the limit.
type scan struct {
	query string
	args  []any
}

func (s scan) next(c *conn, after int64, limit int) ([]int64, error) {
	return c.int64s(s.query, append(s.args[:len(s.args):len(s.args)], after, limit)...)
}

// newScan merges ranges of one index: of the rows that each of the conditions selects. SQLite would sort all of them if
// the query used IN. The conditions have numbered parameters, which stand for args.
func newScan(d direction, table string, conditions []string, args ...any) scan {
	ranges := make([]string, len(conditions))
	// All ranges share the last two parameters.
	end := fmt.Sprintf(" ORDER BY seq %s LIMIT ?%d", d.order, len(args)+2)
	for i, condition := range conditions {
		ranges[i] = fmt.Sprintf("SELECT seq FROM (SELECT seq FROM %s WHERE %s AND seq %s ?%d%s)", table, condition, d.beyond, len(args)+1, end)
	}
	return scan{strings.Join(ranges, " UNION ALL ") + end, args}
}

// plan chooses the index for a filter: a label that must have one of some values if there is one, else the module or the
// states, whichever select fewer workloads. It reads only indices, so a damaged record does not end a list.
func plan(c *conn, f *store.Filter, d direction) (scan, error) {
	if label, err := rarest(c, f.Labels); err != nil || label != nil {
		return scanLabel(d, label), err
	}
	states := f.States
	if states == 0 {
		states = store.Unfinished | store.Finished
	}
	if ended := states & store.Finished; f.Ended != (store.Period{}) && ended != 0 {
		states = ended
	}
	byStates := scanStates(d, states)
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
	return newScan(d, "workloads", []string{"module = ?1"}, f.Module[:]), nil
}

// rarest returns the requirement of a label with certain values that the fewest workloads have; nil if there is none.
func rarest(c *conn, labels []store.Requirement) (found *store.Requirement, err error) {
	least := int64(math.MaxInt64)
	for i, r := range labels {
		var sum int64
		for _, value := range valuesOf(&r) {
			var n int64
			_, err := c.one(`SELECT count(*) FROM (SELECT 1 FROM labels WHERE key = ? AND value = ? LIMIT ?)`, []any{r.Key, value, rareLimit}, &n)
			if err != nil {
				return nil, err
			}
			sum += n
		}
		if valuesOf(&r) != nil && sum < least {
			least, found = sum, &labels[i]
		}
	}
	return found, nil
}

// valuesOf returns the values of which the label must have one; nil if it may have others.
func valuesOf(r *store.Requirement) []string {
	switch r.Op {
	case store.Equal:
		return []string{r.Value}
	case store.In:
		return r.Values
	}
	return nil
}

func scanLabel(d direction, r *store.Requirement) scan {
	if r == nil {
		return scan{}
	}
	args, conditions := []any{r.Key}, []string(nil)
	for _, value := range valuesOf(r) {
		args = append(args, value)
		conditions = append(conditions, fmt.Sprintf("key = ?1 AND value = ?%d", len(args)))
	}
	return newScan(d, "labels", conditions, args...)
}

func scanStates(d direction, states store.StateSet) scan {
	var args []any
	var conditions []string
	for state := range states.All() {
		args = append(args, int64(state))
		conditions = append(conditions, fmt.Sprintf("state = ?%d", len(args)))
	}
	return newScan(d, "workloads INDEXED BY workloads_state", conditions, args...)
}

// list returns a page.
func list(ctx context.Context, c *conn, q store.Query) (store.Page, error) {
	d := newestFirst
	if q.OldestFirst {
		d = oldestFirst
	}
	last, err := d.start(q.Token)
	if err != nil {
		return store.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	s, err := plan(c, &q.Filter, d)
	if err != nil {
		return store.Page{}, err
	}
	var g collector
	keep := func(r *record) (bool, error) { return r.match(&q.Filter) }
	more := true
	for looked := 0; more && g.len() < limit && !g.full() && looked < scanLimit; {
		block := min(limit, scanLimit)
		seqs, err := s.next(c, last, block+1)
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
			last, looked = seq, looked+1
		}
	}
	page := store.Page{Workloads: g.workloads, Corrupt: g.corrupt}
	if more {
		page.Next = strconv.FormatInt(last, 10)
	}
	return page, nil
}

// match reports whether the record matches a filter.
func (r *record) match(f *store.Filter) (bool, error) {
	if !f.MatchLife(store.State(r.state), unstamp(r.updated), unstamp(r.created)) || f.Module != nil && *f.Module != r.digest() {
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
