package sqlite

import (
	"bytes"
	"context"
	"sort"

	"github.com/reactord/reactord/reactor/store"
)

// logReader reads the log of one workload.
type logReader struct {
	conn  *conn
	id    string
	first int64 // key of row 0
	rows  int64 // how many there are
	end   int64 // offset of the end
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

// row reads and checks a row by its number.
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

// rowAt returns the number of the row that has the offset, which is before the end.
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

// read returns entries from the offset on, and the offset behind the last one looked at.
func (l *logReader) read(ctx context.Context, streams store.Streams, offset int64, limit int) ([]store.LogEntry, int64, error) {
	if offset >= l.end {
		return nil, offset, nil
	}
	n, err := l.rowAt(offset)
	if err != nil {
		return nil, offset, err
	}
	var entries []store.LogEntry
	for size := 0; n < l.rows && (size == 0 || size < limit); n++ {
		if err := ctx.Err(); err != nil {
			return nil, offset, err
		}
		row, err := l.row(n)
		if err != nil && len(entries) > 0 {
			break // the next read begins there, and reports it
		}
		if err != nil {
			return nil, offset, err
		}
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

// each yields the chunks of a row with their offsets, while yield returns true.
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

// tail returns the offset at which the last lines begin. A line begins behind a newline of the
// streams looked at that is not their very last byte.
func (l *logReader) tail(ctx context.Context, streams store.Streams, lines int) (int64, error) {
	if lines <= 0 {
		return l.end, nil
	}
	atEnd := true
	for n := l.rows - 1; n >= 0; n-- {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		row, err := l.row(n)
		if err != nil {
			return 0, err
		}
		var chunks []store.LogEntry
		err = row.each(func(offset int64, chunk store.LogChunk) bool {
			if streams.Has(chunk.Stream) {
				chunks = append(chunks, store.LogEntry{Offset: offset, LogChunk: chunk})
			}
			return true
		})
		if err != nil {
			return 0, l.corrupt(err)
		}
		for i := len(chunks) - 1; i >= 0; i-- {
			data := chunks[i].Data
			if atEnd {
				data = bytes.TrimSuffix(data, []byte{'\n'})
				atEnd = false
			}
			for {
				at := bytes.LastIndexByte(data, '\n')
				if at < 0 {
					break
				}
				if lines--; lines == 0 {
					return chunks[i].Offset + int64(at) + 1, nil
				}
				data = data[:at]
			}
		}
	}
	return 0, nil
}
