package sqlite

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/reactord/reactord/reactor/store"
)

// The rows of a workload's log are numbered from 0 without a gap. A row holds entries:
//
//	stream  1 byte
//	time    8 bytes, little endian, as stamp gives it
//	length  uvarint
//	data
//
// A row is appended to while it is small, so that a guest that writes a byte at a time does not make a row of
// each byte, and within one transaction until it is large.
const (
	rowBits       = 24       // of a key, for the row's number
	smallRow      = 2 << 10  // a row on disk below this size is appended to
	largeRow      = 32 << 10 // a new row above this size takes no more entries
	maxEntry      = 32 << 10 // larger chunks are split
	entryOverhead = 1 + 8 + binary.MaxVarintLen16 + 1
)

var errLogFull = fmt.Errorf("the log has %d rows", 1<<rowBits)

// logKeys returns the first and last possible keys of a workload's log rows.
func logKeys(seq int64) (first, last int64) {
	first = seq << rowBits
	return first, first | (1<<rowBits - 1)
}

func appendEntry(b []byte, stream store.Stream, ns int64, data []byte) []byte {
	b = append(b, byte(stream))
	b = binary.LittleEndian.AppendUint64(b, uint64(ns))
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// cutEntry splits off the first entry; its data is part of b.
func cutEntry(b []byte) (chunk store.LogChunk, rest []byte, err error) {
	if len(b) < 9 {
		return chunk, nil, errEncoding
	}
	chunk.Stream = store.Stream(b[0])
	chunk.Time = unstamp(int64(binary.LittleEndian.Uint64(b[1:])))
	chunk.Data, rest, err = cutBytes(b[9:])
	return chunk, rest, err
}

// logRow is a row of logs.
type logRow struct {
	key     int64
	start   int64
	size    int64
	entries []byte
	sum     int64
}

func (r *logRow) checksum() int64 {
	s := newSum()
	s.int(r.key)
	s.int(r.start)
	s.int(r.size)
	s.bytes(r.entries)
	return s.result()
}

func (r *logRow) check() error {
	if r.checksum() != r.sum {
		return errSum
	}
	return nil
}

// logEnd is the end of a log that a transaction appends to.
type logEnd struct {
	full  []logRow // complete, to be written
	last  logRow   // takes further entries
	dirty bool     // last has to be written too
}

// append adds chunks to a workload's log.
func (tx *tx) append(h *head, chunks []store.LogChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	if h.log == nil {
		if err := tx.openLog(h); err != nil {
			return err
		}
	}
	for _, c := range chunks {
		ns := stamp(c.Time)
		for data := range slices.Chunk(c.Data, maxEntry) {
			if err := h.log.add(c.Stream, ns, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// openLog prepares the log of a workload for appending.
func (tx *tx) openLog(h *head) (err error) {
	if h.emptyLog {
		first, _ := logKeys(h.seq)
		h.log = &logEnd{last: logRow{key: first}}
	} else if h.log, err = openLog(tx.conn, h.seq); err != nil {
		return err
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
		return &logEnd{last: logRow{key: first}}, nil
	case len(row.entries) > 0 && row.check() == nil:
		return &logEnd{last: row}, nil
	}
	next, err := row.next()
	return &logEnd{last: next}, err
}

// next returns the row that follows this one.
func (r *logRow) next() (logRow, error) {
	if r.key&(1<<rowBits-1) == 1<<rowBits-1 {
		return logRow{}, errLogFull
	}
	return logRow{key: r.key + 1, start: r.start + r.size}, nil
}

func (e *logEnd) add(stream store.Stream, ns int64, data []byte) error {
	if len(e.last.entries) > 0 && len(e.last.entries)+entryOverhead+len(data) > largeRow {
		next, err := e.last.next()
		if err != nil {
			return err
		}
		e.full = append(e.full, e.last)
		e.last = next
	}
	e.last.entries = appendEntry(e.last.entries, stream, ns, data)
	e.last.size += int64(len(data))
	e.dirty = true
	return nil
}

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
	return e.last.write(c)
}

func (r *logRow) write(c *conn) error {
	r.sum = r.checksum()
	_, err := c.exec(`INSERT INTO logs (key, start, size, entries, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET size = excluded.size, entries = excluded.entries, sum = excluded.sum`,
		r.key, r.start, r.size, r.entries, r.sum)
	return err
}
