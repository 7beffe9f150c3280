package sqlite

import (
	"bytes"
	"context"
	"slices"
	"sort"

	"github.com/reactord/reactord/reactor/store"
)

// logReader reads the log of one workload.
type logReader struct {
	conn  *conn
	id    string
	first int64 // the lowest key that a row can have
	last  int64 // the key of the last row, or first-1
	end   int64 // the position of the end
}

func newLogReader(c *conn, id string) (*logReader, error) {
	var seq int64
	found, err := c.one(`SELECT seq FROM workloads WHERE id = ?`, []any{id}, &seq)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
	}
	first, last := logKeys(seq)
	l := &logReader{conn: c, id: id, first: first, last: first - 1}
	_, err = c.one(`SELECT key, start + size FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1`, []any{first, last}, &l.last, &l.end)
	return l, err
}

// next reads and verifies the first row whose key is at least the given one.
func (l *logReader) next(key int64) (*logRow, error) {
	return l.row(`SELECT key, start, size, entries, sum FROM logs WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1`, key, l.last)
}

// previous reads and verifies the last row whose key is at most the given one.
func (l *logReader) previous(key int64) (*logRow, error) {
	return l.row(`SELECT key, start, size, entries, sum FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1`, l.first, key)
}

// row returns the row that a query finds, nil if it finds none.
func (l *logReader) row(query string, from, to int64) (*logRow, error) {
	var r logRow
	found, err := l.conn.one(query, []any{from, to}, &r.key, &r.start, &r.size, &r.entries, &r.sum)
	switch {
	case damaged(err):
		return nil, l.corrupt(err)
	case err != nil || !found:
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, l.corrupt(err)
	}
	return &r, nil
}

func (l *logReader) corrupt(err error) error {
	return &store.CorruptError{Kind: store.KindLog, Name: l.id, Err: err}
}

// search returns the key of the last row for which reached is false, given the row's start and the beginning of its
// entries; first-1 if there is none. Once reached is true, it is true for all later rows.
func (l *logReader) search(reached func(start int64, entries []byte) bool) (int64, error) {
	var fault error
	found := l.first - 1
	sort.Search(int(l.last-l.first+1), func(n int) bool {
		if fault != nil {
			return true
		}
		var key, start int64
		var entries []byte
		var exists bool
		exists, fault = l.conn.one(`SELECT key, start, substr(entries, 1, ?) FROM logs WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1`,
			[]any{maxHeader, l.first + int64(n), l.last}, &key, &start, &entries)
		if !exists || reached(start, entries) {
			return true
		}
		found = max(found, key)
		return false
	})
	return found, fault
}

// rowAt returns the key of the last row that begins at a position or before; first if there is none.
func (l *logReader) rowAt(position int64) (int64, error) {
	key, err := l.search(func(start int64, _ []byte) bool { return start > position })
	return max(key, l.first), err
}

// startAfter returns where the output of the attempts after one begins.
func (l *logReader) startAfter(attempt uint32) (position int64, found bool, err error) {
	key, err := l.search(func(_ int64, entries []byte) bool {
		of, _, err := cutHeader(entries)
		return err == nil && of > attempt
	})
	if err != nil {
		return 0, false, err
	}
	found, err = l.conn.one(`SELECT start FROM logs WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1`, []any{key + 1, l.last}, &position)
	return position, found, err
}

// stepBytes is about how much of a log one snapshot scans, whether it is wanted or not.
const stepBytes = 1 << 20

// read returns entries from a position on, and the position after the last one scanned.
func (l *logReader) read(ctx context.Context, position int64, cut store.Cut, limit int) (entries []store.LogEntry, next int64, err error) {
	if position >= l.end {
		return nil, position, nil
	}
	key, err := l.rowAt(position)
	if err != nil {
		return nil, position, err
	}
	next = position
	for looked, size := 0, 0; size < limit && looked < stepBytes; key++ {
		if err := ctx.Err(); err != nil {
			return nil, position, err
		}
		row, err := l.next(key)
		if err != nil && len(entries) > 0 {
			break // the next read begins there, and returns the error
		}
		if err != nil || row == nil {
			return entries, next, err
		}
		key, looked = row.key, looked+len(row.entries)
		skipped := false
		err = row.each(func(e store.LogEntry) bool {
			end := e.End()
			if end <= next {
				return true
			}
			next = end
			from := position
			if e.Attempt > 0 && cut.From <= e.Offset {
				from = max(from, cut.To)
				skipped = end < cut.To
			}
			if skip := from - e.Offset; skip > 0 {
				e.Data = e.Data[min(skip, int64(len(e.Data))):]
				e.Offset += skip
			}
			if len(e.Data) > 0 {
				entries = append(entries, e)
				size += len(e.Data)
			}
			return size < limit
		})
		if err != nil {
			return nil, position, l.corrupt(err)
		}
		if skipped { // all rows from here up to the cut's end are to be skipped
			if key, err = l.rowAt(cut.To); err != nil {
				return nil, position, err
			}
			key = max(key, row.key+1) - 1
		}
	}
	return entries, next, nil
}

// tail searches for where the last lines of a log begin, from the end to the beginning, in steps. A line begins
// after a newline of the wanted streams that is not their very last byte, and behind missing output. What is appended
// between steps is ignored.
type tail struct {
	streams store.Streams
	lines   int // still to be found
	cut     store.Cut

	found  bool
	offset int64 // where the lines found so far begin

	begun bool
	end   int64 // of the log, when the search began
	first int64 // the lowest key that the log's rows can have
	next  int64 // the highest key to search next
	begin int64 // of what was searched, in any stream
	line  int64 // where the wanted streams' part of the line begins that was searched last; -1 if there is none
	inner bool  // the last byte before missing output, or the end, has been seen
}

// step searches some rows.
func (t *tail) step(ctx context.Context, l *logReader) error {
	if !t.begun {
		t.begun, t.first, t.next, t.begin, t.end, t.line = true, l.first, l.last, l.end, l.end, -1
		if t.lines <= 0 {
			t.found, t.offset = true, l.end
		} else if int64(t.lines) >= l.end { // a line has at least one byte
			t.found = true
		}
	}
	if t.first != l.first {
		return &store.NotFoundError{Kind: store.KindWorkload, Name: l.id} // another workload has the id now
	}
	for looked := 0; !t.found && looked < stepBytes; {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, err := l.previous(t.next)
		if err != nil {
			return err
		}
		if row == nil {
			t.found = true
			break
		}
		looked += len(row.entries)
		inside, err := t.row(row)
		if err != nil {
			return l.corrupt(err)
		}
		t.next = row.key - 1
		if inside { // so are all rows from the cut's beginning on
			key, err := l.rowAt(t.cut.From - 1)
			if err != nil {
				return err
			}
			t.next = min(t.next, key)
		}
	}
	return nil
}

// row searches one row for lines. inside is true if the row lies in the cut.
func (t *tail) row(row *logRow) (inside bool, err error) {
	var entries []store.LogEntry
	if err := row.each(func(e store.LogEntry) bool {
		entries = append(entries, e)
		return true
	}); err != nil {
		return false, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Attempt > 0 && t.cut.From <= e.Offset && e.Offset < t.cut.To {
			skip := min(t.cut.To-e.Offset, int64(len(e.Data)))
			e.Data = e.Data[skip:]
			e.Offset += skip
			inside = true
		}
		if len(e.Data) > 0 {
			t.entry(e)
		}
		if t.found {
			break
		}
	}
	return inside, nil
}

// entry searches one entry.
func (t *tail) entry(e store.LogEntry) {
	if e.End() < t.begin { // some output is missing behind it
		if t.line >= 0 && t.count(t.line) {
			return
		}
		t.line, t.inner = -1, false
	}
	t.begin = e.Offset
	if !t.streams.Has(e.Stream) {
		return
	}
	data := e.Data
	if !t.inner {
		data = bytes.TrimSuffix(data, []byte{'\n'})
		t.inner = true
	}
	for at := bytes.LastIndexByte(data, '\n'); at >= 0; at = bytes.LastIndexByte(data, '\n') {
		if t.count(e.Offset + int64(at) + 1) {
			return
		}
		data = data[:at]
	}
	t.line = e.Offset
}

// count counts a line that begins at a position, and reports whether it was the last to be found.
func (t *tail) count(position int64) bool {
	if t.lines--; t.lines == 0 {
		t.found, t.offset = true, position
	}
	return t.found
}
