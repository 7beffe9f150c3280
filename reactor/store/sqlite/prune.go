package sqlite

import (
	"database/sql"

	"github.com/reactord/reactord/reactor/store"
)

// pruneOp deletes finished workloads in the order of the revisions of their ends, so that the floor rises no
// further than what was deleted.
type pruneOp struct {
	call
	policy store.Retention
	pruned store.Pruned
}

func (o *pruneOp) apply(tx *tx) error {
	o.pruned = store.Pruned{}
	if err := tx.flush(); err != nil {
		return err
	}
	surplus, err := o.surplus(tx)
	if err != nil {
		return err
	}
	victims, err := tx.oldestFinished(o.policy.Limit)
	if err != nil {
		return err
	}
	var highest victim
	budget := pruneBytes
	for _, v := range victims {
		may, err := o.mayDelete(tx, v, surplus)
		if err != nil {
			return err
		}
		if !may || budget <= 0 {
			o.pruned.More = may
			break
		}
		gone, err := tx.delete(v, &budget)
		if err != nil {
			return err
		}
		if !gone {
			o.pruned.More = true
			break
		}
		o.pruned.Workloads++
		highest.seq = max(highest.seq, v.seq)
		highest.revision = v.revision
	}
	if o.pruned.Workloads == 0 {
		return nil
	}
	o.pruned.More = o.pruned.More || o.pruned.Workloads == o.policy.Limit
	if err := tx.flush(); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM counts WHERE n = 0`); err != nil {
		return err
	}
	return tx.raiseMarks(highest)
}

// pruneBytes is about how much one op deletes, so that others do not wait behind it for long.
const pruneBytes = 8 << 20

// mayDelete reports whether the policy allows deleting the next victim; surplus is by how many Keep is exceeded.
func (o *pruneOp) mayDelete(tx *tx, v victim, surplus int64) (bool, error) {
	if int64(o.pruned.Workloads) < surplus || !o.policy.Before.IsZero() && v.updated < stamp(o.policy.Before) {
		return true, nil
	}
	if o.policy.Bytes <= 0 {
		return false, nil
	}
	used, err := usedBytes(tx.conn)
	return used > o.policy.Bytes, err
}

// surplus returns by how many workloads the policy's Keep is exceeded.
func (o *pruneOp) surplus(tx *tx) (int64, error) {
	if o.policy.Keep <= 0 {
		return 0, nil
	}
	counts, err := countStates(tx.conn)
	return counts.Of(store.Finished) - int64(o.policy.Keep), err
}

// victim has what is needed to delete a workload.
type victim struct {
	seq, revision, updated, state int64
	id                            string
	module, labels                []byte
}

const victimColumns = `seq, revision, updated, state, id, module, labels`

func (v *victim) fields() []any {
	return []any{&v.seq, &v.revision, &v.updated, &v.state, &v.id, &v.module, &v.labels}
}

func (tx *tx) oldestFinished(limit int) ([]victim, error) {
	var victims []victim
	err := tx.each(`SELECT `+victimColumns+` FROM workloads WHERE state >= 3 ORDER BY revision LIMIT ?`,
		[]any{limit}, func(rows *sql.Rows) error {
			var v victim
			if err := rows.Scan(v.fields()...); err != nil {
				return err
			}
			victims = append(victims, v)
			return nil
		})
	return victims, err
}

// deleteWorkloadOp deletes one finished workload, or the end of its log.
type deleteWorkloadOp struct {
	call
	id   string
	gone bool
}

func (o *deleteWorkloadOp) apply(tx *tx) error {
	if err := tx.flush(); err != nil {
		return err
	}
	var v victim
	found, err := tx.one(`SELECT `+victimColumns+` FROM workloads WHERE id = ?`, []any{o.id}, v.fields()...)
	switch {
	case err != nil:
		return err
	case !found:
		return o.keep(&store.NotFoundError{Kind: store.KindWorkload, Name: o.id})
	case !store.State(v.state).Finished():
		return o.keep(&store.UnfinishedError{ID: o.id})
	}
	budget := pruneBytes
	if o.gone, err = tx.delete(v, &budget); !o.gone || err != nil {
		return err
	}
	if err := tx.flush(); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM counts WHERE module = ? AND n = 0`, v.module); err != nil {
		return err
	}
	return tx.raiseMarks(v)
}

// delete deletes a workload and subtracts from budget what it takes on disk. If the log alone exceeds the budget,
// delete only shortens the log, and gone is false.
func (tx *tx) delete(v victim, budget *int) (gone bool, err error) {
	if gone, err = tx.shortenLog(v.seq, budget); !gone || err != nil {
		return false, err
	}
	var spec int
	if _, err := tx.one(`SELECT length(spec) FROM specs WHERE seq = ?`, []any{v.seq}, &spec); err != nil && !damaged(err) {
		return false, err
	}
	*budget -= spec
	for _, statement := range []string{
		`DELETE FROM workloads WHERE seq = ?`,
		`DELETE FROM specs WHERE seq = ?`,
	} {
		if _, err := tx.exec(statement, v.seq); err != nil {
			return false, err
		}
	}
	// Unreadable labels leave their index rows behind, which lead to no record.
	labels, _ := parseLabels(v.labels)
	for key, value := range labels {
		if _, err := tx.exec(`DELETE FROM labels WHERE key = ? AND value = ? AND seq = ?`, key, value, v.seq); err != nil {
			return false, err
		}
	}
	var module store.Digest
	copy(module[:], v.module)
	tx.count(module, store.State(v.state), -1)
	tx.heads[v.id] = nil
	return true, nil
}

// shortenLog deletes rows from the end of a log, as many as the budget allows, and reports whether the log is
// empty now.
func (tx *tx) shortenLog(seq int64, budget *int) (all bool, err error) {
	first, last := logKeys(seq)
	most := max(*budget/largeRow, 1)
	n, err := tx.exec(`DELETE FROM logs WHERE key IN (SELECT key FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?)`, first, last, most)
	*budget -= int(n) * largeRow
	return int(n) < most, err
}

// raiseMarks keeps the marks above what was deleted, so that no number is used twice and cursors below the
// floor expire.
func (tx *tx) raiseMarks(v victim) error {
	for key, value := range map[string]int64{metaSequence: v.seq, metaFloor: v.revision} {
		_, err := tx.exec(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`, key, value)
		if err != nil {
			return err
		}
	}
	return nil
}

// loadMarks reads the marks that a former process left.
func loadMarks(c *conn) (marks, error) {
	var m marks
	_, err := c.one(`SELECT
		max((SELECT ifnull(max(seq), 0) FROM workloads), ifnull((SELECT value FROM meta WHERE key = ?), 0)),
		max((SELECT ifnull(max(revision), 0) FROM workloads WHERE state < 3), (SELECT ifnull(max(revision), 0) FROM workloads WHERE state >= 3),
			ifnull((SELECT value FROM meta WHERE key = ?), 0))`,
		[]any{metaSequence, metaFloor}, &m.sequence, &m.revision)
	return m, err
}

// floor returns the highest revision of a pruned workload.
func floor(c *conn) (int64, error) {
	var v int64
	_, err := c.one(`SELECT value FROM meta WHERE key = ?`, []any{metaFloor}, &v)
	return v, err
}

func countStates(c *conn) (counts store.Counts, err error) {
	err = c.each(`SELECT state, sum(n) FROM counts GROUP BY state`, nil, func(rows *sql.Rows) error {
		var state, n int64
		if err := rows.Scan(&state, &n); err != nil {
			return err
		}
		if state > 0 && state < int64(len(counts)) {
			counts[state] = n
		}
		return nil
	})
	return counts, err
}
