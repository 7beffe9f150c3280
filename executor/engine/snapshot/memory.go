package snapshot

import (
	"bytes"
	"fmt"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

const (
	// blockBytes is what is kept or left out as one: a segment takes up to 14 bytes besides its own.
	blockBytes = 32
	// MaxSegments bounds the data segments that a memory becomes.
	MaxSegments = 10_000
)

// Memory collects what a memory holds, apart from its zeros.
type Memory struct {
	limit    int // of bytes
	size     uint64
	bytes    int // of all segments
	segments []segment
	gap      uint64 // segments that are no further apart are one
}

// segment is a run of bytes at an address.
type segment struct {
	offset uint64
	bytes  []byte
}

func (s *segment) end() uint64 { return s.offset + uint64(len(s.bytes)) }

// NewMemory returns a memory of which a number of bytes that are not zero may be collected.
func NewMemory(limit int) *Memory { return &Memory{limit: limit} }

var zeros [4 << 10]byte

// Append collects the next piece of the memory; the pieces are multiples of 32 bytes. The error is a *[wasm.Error]: there
// is too much.
func (m *Memory) Append(piece []byte) error {
	for rest := piece; len(rest) > 0; {
		n := min(len(rest), len(zeros))
		if !bytes.Equal(rest[:n], zeros[:n]) {
			m.appendBlocks(rest[:n])
		} else {
			m.size += uint64(n)
		}
		if rest = rest[n:]; m.bytes > m.limit {
			return &wasm.Error{Kind: wasm.TooLarge, Msg: fmt.Sprintf(
				"the memory has more than %d bytes that are not zero, and a module must not have more", m.limit)}
		}
	}
	return nil
}

// appendBlocks collects a few blocks.
func (m *Memory) appendBlocks(part []byte) {
	for len(part) > 0 {
		n := min(len(part), blockBytes)
		if !bytes.Equal(part[:n], zeros[:n]) {
			m.add(m.size, part[:n])
		}
		m.size += uint64(n)
		part = part[n:]
	}
	for len(m.segments) > 2*MaxSegments {
		m.merge()
	}
}

// add adds bytes to the last segment, or begins another.
func (m *Memory) add(offset uint64, b []byte) {
	m.bytes += len(b)
	if last := len(m.segments) - 1; last >= 0 {
		if s := &m.segments[last]; offset-s.end() <= m.gap {
			m.bytes += int(offset - s.end())
			s.bytes = append(s.bytes, make([]byte, offset-s.end())...)
			s.bytes = append(s.bytes, b...)
			return
		}
	}
	m.segments = append(m.segments, segment{offset, bytes.Clone(b)})
}

// merge makes one of segments that are near to each other.
func (m *Memory) merge() {
	m.gap = max(2*m.gap, 2*blockBytes)
	all := m.segments
	m.segments, m.bytes = nil, 0
	for _, s := range all {
		m.add(s.offset, s.bytes)
	}
}

// data returns the memory as active segments.
func (m *Memory) data() []wasm.DataSegment {
	for len(m.segments) > MaxSegments {
		m.merge()
	}
	data := make([]wasm.DataSegment, 0, len(m.segments))
	for _, s := range m.segments {
		b := bytes.TrimRight(s.bytes, "\x00")
		trimmed := bytes.TrimLeft(b, "\x00")
		offset := s.offset + uint64(len(b)-len(trimmed))
		data = append(data, wasm.DataSegment{Offset: constant(wasm.I32, offset), Bytes: trimmed})
	}
	return data
}
