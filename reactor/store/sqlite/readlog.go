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
	first int64 // key of row 0
	rows  int64 // the number of rows
	end   int64 // the offset of the end
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
	l := &logReader{conn: c, id: id}
	first, last := logKeys(seq)
	l.first = first
	var row logRow
	found, err = c.one(`SELECT key, start, size FROM logs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1`,
		[]any{first, last}, &row.key, &row.start, &row.size)
	if found {
		l.rows, l.end = row.key-first+1, row.start+row.size
	}
	return l, err
}

// row reads and verifies a row by its number.
func (l *logReader) row(n int64) (logRow, error) {
	r := logRow{key: l.first + n}
	found, err := l.conn.one(`SELECT start, size, entries, sum FROM logs WHERE key = ?`, []any{r.key}, &r.start, &r.size, &r.entries, &r.sum)
	switch {
	case damaged(err):
		return r, l.corrupt(err)
	case err != nil:
		return r, err
	case !found:
		return r, l.corrupt(errNoRecord)
	}
	if err := r.check(); err != nil {
		return r, l.corrupt(err)
	}
	return r, nil
}

func (l *logReader) corrupt(err error) error {
	return &store.CorruptError{Kind: store.KindLog, Name: l.id, Err: err}
}

// rowAt returns the number of the row that contains offset, which is before the end.
func (l *logReader) rowAt(offset int64) (int64, error) {
	var fault error
	above := sort.Search(int(l.rows), func(n int) bool {
		var start int64
		if fault == nil {
			_, fault = l.conn.one(`SELECT start FROM logs WHERE key = ?`, []any{l.first + int64(n)}, &start)
		}
		return start > offset
	})
	return max(int64(above)-1, 0), fault
}

// stepBytes is about how much of a log one snapshot scans, whether it is wanted or not.
const stepBytes = 1 << 20

// read returns entries from offset on, and the offset after the last one scanned.
func (l *logReader) read(ctx context.Context, streams store.Streams, offset int64, limit int) ([]store.LogEntry, int64, error) {
	if offset >= l.end {
		return nil, offset, nil
	}
	n, err := l.rowAt(offset)
	if err != nil {
		return nil, offset, err
	}
	var entries []store.LogEntry
	looked := 0
	for size := 0; n < l.rows && (size == 0 || size < limit) && looked < stepBytes; n++ {
		if err := ctx.Err(); err != nil {
			return nil, offset, err
		}
		row, err := l.row(n)
		if err != nil && len(entries) > 0 {
			break // the next read begins there, and returns the error
		}
		if err != nil {
			return nil, offset, err
		}
		looked += len(row.entries)
		err = row.each(func(at int64, chunk store.LogChunk) bool {
			skip := max(offset-at, 0)
			if skip >= int64(len(chunk.Data)) {
				return true
			}
			offset = at + int64(len(chunk.Data))
			if !streams.Has(chunk.Stream) {
				return true
			}
			chunk.Data = chunk.Data[skip:]
			entries = append(entries, store.LogEntry{Offset: at + skip, LogChunk: chunk})
			size += len(chunk.Data)
			return size < limit
		})
		if err != nil {
			return nil, offset, l.corrupt(err)
		}
	}
	return entries, offset, nil
}

// each calls yield for the chunks of a row with their offsets, until it returns false.
func (r *logRow) each(yield func(offset int64, chunk store.LogChunk) bool) error {
	at := r.start
	for rest := r.entries; len(rest) > 0; {
		chunk, tail, err := cutEntry(rest)
		if err != nil {
			return err
		}
		if !yield(at, chunk) {
			return nil
		}
		at += int64(len(chunk.Data))
		rest = tail
	}
	return nil
}

// tail searches for where the last lines of a log begin, from the end to the beginning, in steps. A line begins
// after a newline of the wanted streams that is not their very last byte. What is appended between steps is
// ignored.
type tail struct {
	streams store.Streams
	lines   int // still to be found

	found  bool
	offset int64 // where the lines found so far begin

	begun bool
	first int64 // key of the log's row 0
	next  int64 // number of the row to search next
	inner bool  // the last byte has been seen
}

// step searches some rows.
func (t *tail) step(ctx context.Context, l *logReader) error {
	if !t.begun {
		t.begun, t.first, t.next = true, l.first, l.rows-1
		if t.lines <= 0 {
			t.found, t.offset = true, l.end
		} else if int64(t.lines) >= l.end { // a line has at least one byte
			t.found = true
		}
	}
	if t.first != l.first {
		return &store.NotFoundError{Kind: store.KindWorkload, Name: l.id} // another workload has the id now
	}
	for looked := 0; !t.found && looked < stepBytes; t.next-- {
		if t.next < 0 {
			t.found = true
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		row, err := l.row(t.next)
		if err != nil {
			return err
		}
		looked += len(row.entries)
		if err := t.row(&row); err != nil {
			return l.corrupt(err)
		}
	}
	return nil
}

// row searches one row for lines.
func (t *tail) row(row *logRow) error {
	var chunks []store.LogEntry
	err := row.each(func(offset int64, chunk store.LogChunk) bool {
		if t.streams.Has(chunk.Stream) {
			chunks = append(chunks, store.LogEntry{Offset: offset, LogChunk: chunk})
		}
		return true
	})
	for _, c := range slices.Backward(chunks) {
		data := c.Data
		if !t.inner {
			data = bytes.TrimSuffix(data, []byte{'\n'})
			t.inner = true
		}
		for at := bytes.LastIndexByte(data, '\n'); at >= 0; at = bytes.LastIndexByte(data, '\n') {
			if t.lines--; t.lines == 0 {
				t.found, t.offset = true, c.Offset+int64(at)+1
				return err
			}
			data = data[:at]
		}
	}
	return err
}
