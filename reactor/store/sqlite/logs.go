package sqlite

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/reactord/reactord/reactor/store"
)

// The rows of a workload's log are numbered in their order. A row holds the output of one attempt without a gap, as
// entries behind a header:
//
//	0       1 byte
//	attempt uvarint
//
//	stream  1 byte
//	time    8 bytes, little endian, as stamp gives it
//	length  uvarint
//	data
//
// Rows without a header are of version 1 of the schema, where logs had no cuts.
//
// A row is appended to while it is small, so that a guest that writes a byte at a time does not make a row of
// each byte, and within one transaction until it is large.
const (
	rowBits       = 24       // of a key, for the row's number
	smallRow      = 2 << 10  // a row on disk below this size is appended to
	largeRow      = 32 << 10 // a new row above this size takes no more entries
	maxEntry      = 32 << 10 // larger chunks are split
	maxHeader     = 1 + binary.MaxVarintLen32
	entryOverhead = 1 + 8 + binary.MaxVarintLen16 + 1

	// maxTrim bounds the rows that one append deletes: more than it adds.
	maxTrim = 64
	// renumberAt is the row number from which on a log is renumbered: one transaction adds fewer rows than are left.
	// renumberRows is how many rows are kept then, beside those of the log's beginning.
	renumberAt   = 1<<rowBits - 1<<16
	renumberRows = 512
)

var errLogFull = fmt.Errorf("the log has %d rows", 1<<rowBits)

// logKeys returns the first and last possible keys of a workload's log rows.
func logKeys(seq int64) (first, last int64) {
	first = seq << rowBits
	return first, first | (1<<rowBits - 1)
}

func appendHeader(b []byte, attempt uint32) []byte {
	return binary.AppendUvarint(append(b, 0), uint64(attempt))
}

// cutHeader splits off the header, if there is one.
func cutHeader(b []byte) (attempt uint32, entries []byte, err error) {
	if len(b) == 0 || b[0] != 0 {
		return 0, b, nil
	}
	n, width := binary.Uvarint(b[1:])
	if width <= 0 || n > math.MaxUint32 {
		return 0, nil, errEncoding
	}
	return uint32(n), b[1+width:], nil
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

func (r *logRow) end() int64 { return r.start + r.size }

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

// each calls yield for the chunks of a row, until it returns false.
func (r *logRow) each(yield func(store.LogEntry) bool) error {
	attempt, rest, err := cutHeader(r.entries)
	if err != nil {
		return err
	}
	for at := r.start; len(rest) > 0; {
		entry := store.LogEntry{Attempt: attempt}
		if entry.LogChunk, rest, err = cutEntry(rest); err != nil {
			return err
		}
		entry.Offset = at
		if !yield(entry) {
			return nil
		}
		at += int64(len(entry.Data))
	}
	return nil
}

func (r *logRow) write(c *conn) error {
	r.sum = r.checksum()
	_, err := c.exec(`INSERT INTO logs (key, start, size, entries, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET size = excluded.size, entries = excluded.entries, sum = excluded.sum`,
		r.key, r.start, r.size, r.entries, r.sum)
	return err
}
