package sqlite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"time"
)

// Checksums are CRC-32C over the fields in order, with strings and byte slices preceded by their lengths.
// They detect decay, not forgery.

// sum computes a checksum.
type sum struct {
	table *crc32.Table
	value uint32
	short []byte // fields that value does not include yet
}

func newSum() sum {
	return sum{table: crc32.MakeTable(crc32.Castagnoli), short: make([]byte, 0, 256)}
}

func (s *sum) int(v int64) { s.short = binary.LittleEndian.AppendUint64(s.short, uint64(v)) }

func (s *sum) string(v string) {
	s.int(int64(len(v)))
	s.short = append(s.short, v...)
}

func (s *sum) bytes(v []byte) {
	s.int(int64(len(v)))
	s.flush()
	s.value = crc32.Update(s.value, s.table, v)
}

func (s *sum) flush() {
	s.value = crc32.Update(s.value, s.table, s.short)
	s.short = s.short[:0]
}

func (s *sum) result() int64 {
	s.flush()
	return int64(s.value)
}

// stamp returns the form of a time on disk: nanoseconds since 1970, 0 for the zero time.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func unstamp(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

var errEncoding = errors.New("the encoding is broken")

// appendLabels appends labels in the order of their keys, each key and value preceded by its length.
func appendLabels(b []byte, labels map[string]string) []byte {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		b = appendString(appendString(b, key), labels[key])
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func parseLabels(b []byte) (map[string]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	labels := make(map[string]string)
	for len(b) > 0 {
		key, rest, err := cutBytes(b)
		if err != nil {
			return nil, err
		}
		value, rest, err := cutBytes(rest)
		if err != nil {
			return nil, err
		}
		labels[string(key)] = string(value)
		b = rest
	}
	return labels, nil
}

// cutBytes splits off a run of bytes that is preceded by its length.
func cutBytes(b []byte) (head, rest []byte, err error) {
	n, width := binary.Uvarint(b)
	if width <= 0 || n > uint64(len(b)-width) {
		return nil, nil, errEncoding
	}
	return b[width : width+int(n)], b[width+int(n):], nil
}

// notNil returns an empty blob for nil: no column is null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
