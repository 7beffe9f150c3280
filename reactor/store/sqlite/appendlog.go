package sqlite

import (
	"database/sql"
	"slices"

	"github.com/reactord/reactord/reactor/store"
)

// logEnd is the end of a log that a transaction appends to.
type logEnd struct {
	seq     int64
	attempt uint32   // of last
	full    []logRow // complete, to be written
	last    logRow   // takes further entries
	dirty   bool     // last has to be written too
	cut     store.Cut
}

// append adds chunks to a workload's log.
func (tx *tx) append(h *head, a *store.LogAppend) error {
	if len(a.Chunks) == 0 {
		return nil
	}
	if h.log == nil {
		if err := tx.openLog(h, a.Cut); err != nil {
			return err
		}
	}
	e := h.log
	e.cut = store.Cut{From: a.Cut.From, To: max(e.cut.To, a.Cut.To)}
	for _, c := range a.Chunks {
		for data := range slices.Chunk(c.Data, maxEntry) {
			if err := e.add(a.Attempt, c.Offset, c.Stream, stamp(c.Time), data); err != nil {
				return err
			}
			c.Offset += int64(len(data))
		}
	}
	return nil
}

// openLog prepares the log of a workload for appending.
func (tx *tx) openLog(h *head, cut store.Cut) (err error) {
	if h.emptyLog {
		first, _ := logKeys(h.seq)
		h.log = &logEnd{seq: h.seq, last: logRow{key: first}}
	} else if h.log, err = openLog(tx.conn, h.seq); err != nil {
		return err
	}
	if number := h.log.last.key & (1<<rowBits - 1); number >= renumberAt {
		if err := h.log.renumber(tx.conn, cut); err != nil {
			return err
		}
	}
	h.emptyLog = false
	tx.logs = append(tx.logs, h.log)
	return nil
}

// openLog finds the end of a log. It reopens the last row if that is small and sound.
func openLog(c *conn, seq int64) (*logEnd, error) {
	first, last := logKeys(seq)
	var row logRow
	found, err := c.one(`SELECT key, start, size, CASE WHEN length(entries) < ? THEN entries ELSE x'' END, sum
		FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1`,
		[]any{smallRow, first, last}, &row.key, &row.start, &row.size, &row.entries, &row.sum)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return &logEnd{seq: seq, last: logRow{key: first}}, nil
	case len(row.entries) > 0 && row.entries[0] == 0 && row.check() == nil:
		if attempt, _, err := cutHeader(row.entries); err == nil {
			return &logEnd{seq: seq, attempt: attempt, last: row}, nil
		}
	}
	next, err := row.next()
	return &logEnd{seq: seq, last: next}, err
}

// next returns the row that follows this one.
func (r *logRow) next() (logRow, error) {
	if r.key&(1<<rowBits-1) == 1<<rowBits-1 {
		return logRow{}, errLogFull
	}
	return logRow{key: r.key + 1, start: r.end()}, nil
}

// add appends an entry of less than maxEntry bytes, at a position or at the end if that is further on.
func (e *logEnd) add(attempt uint32, at int64, stream store.Stream, ns int64, data []byte) error {
	at = max(at, e.last.end())
	if from := e.cut.From; at < from && from < at+int64(len(data)) { // no row lies on both sides
		n := from - at
		if err := e.add(attempt, at, stream, ns, data[:n]); err != nil {
			return err
		}
		at, data = from, data[n:]
	}
	if len(e.last.entries) > 0 && !e.fits(attempt, at, len(data)) {
		next, err := e.last.next()
		if err != nil {
			return err
		}
		if e.dirty {
			e.full = append(e.full, e.last)
		}
		e.last = next
	}
	if len(e.last.entries) == 0 {
		e.attempt = attempt
		e.last.start, e.last.entries = at, appendHeader(nil, attempt)
	}
	e.last.entries = appendEntry(e.last.entries, stream, ns, data)
	e.last.size += int64(len(data))
	e.dirty = true
	return nil
}

// fits reports whether the last row takes so many bytes more, at a position.
func (e *logEnd) fits(attempt uint32, at int64, n int) bool {
	return e.attempt == attempt && e.last.end() == at && (at != e.cut.From || at == 0) &&
		len(e.last.entries)+entryOverhead+n <= largeRow
}

// write writes the rows, and deletes some of those that lie in the cut.
func (e *logEnd) write(c *conn) error {
	for i := range e.full {
		if err := e.full[i].write(c); err != nil {
			return err
		}
	}
	e.full = e.full[:0]
	if !e.dirty {
		return nil
	}
	e.dirty = false
	if err := e.last.write(c); err != nil {
		return err
	}
	return e.trim(c)
}

// trim deletes rows that lie in the cut, the oldest first, but never the last, which tells where the log ends.
func (e *logEnd) trim(c *conn) error {
	if e.cut.Size() == 0 {
		return nil
	}
	first, _ := logKeys(e.seq)
	_, err := c.exec(`DELETE FROM logs WHERE key IN (SELECT key FROM logs WHERE key >= ? AND key < ? AND start >= ? ORDER BY key LIMIT ?)
		AND start + size <= ?`, first, e.last.key, e.cut.From, maxTrim, e.cut.To)
	return err
}

// renumber gives the rows behind the log's beginning the lowest numbers that are free. It keeps the newest of them, and
// is needed once in many millions of rows.
func (e *logEnd) renumber(c *conn, cut store.Cut) error {
	first, last := logKeys(e.seq)
	free := first
	if _, err := c.one(`SELECT key + 1 FROM logs WHERE key BETWEEN ? AND ? AND start < ? ORDER BY key DESC LIMIT 1`,
		[]any{first, last, cut.From}, &free); err != nil {
		return err
	}
	var rows []logRow
	err := c.each(`SELECT key, start, size, entries, sum FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?`,
		[]any{free, e.last.key - 1, renumberRows}, func(r *sql.Rows) error {
			var row logRow
			err := r.Scan(&row.key, &row.start, &row.size, &row.entries, &row.sum)
			rows = append(rows, row)
			return err
		})
	if err != nil {
		return err
	}
	if _, err := c.exec(`DELETE FROM logs WHERE key BETWEEN ? AND ?`, free, last); err != nil {
		return err
	}
	for _, row := range slices.Backward(rows) {
		if row.check() != nil {
			continue
		}
		row.key = free
		if err := row.write(c); err != nil {
			return err
		}
		free++
	}
	e.last.key = free
	e.dirty = len(e.last.entries) > 0
	return nil
}
