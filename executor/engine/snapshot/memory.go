package snapshot

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

const (
	// blockBytes is what is kept or left out as one: a segment takes up to 14 bytes besides its own.
	blockBytes = 32
	// MaxSegments bounds the data segments that a memory becomes.
	MaxSegments = 40_000
	// maxAll bounds all data segments of a module, in browsers too.
	maxAll = 100_000
	// readBytes bounds what Fill reads at once.
	readBytes = 64 << 10
)

// Memory is what a memory holds, apart from its zeros. First all of the memory is looked through, by Append; then Fill
// reads what becomes data. So it takes the space of that data once, and only if there is not too much of it.
type Memory struct {
	limit    uint64 // of bytes
	segments int    // that it may become
	size     uint64
	runs     []run
	bytes    uint64 // of all runs
	gap      uint64 // runs that are no further apart are one
	content  []byte // of the runs, one after another
}

// run is a range of addresses.
type run struct{ begin, end uint64 }

// NewMemory returns the memory of an instance of the probe, of which a number of bytes that are not zero may become data.
func (p *Probe) NewMemory(limit int) *Memory {
	m := &Memory{limit: uint64(limit), segments: MaxSegments}
	if p.original.DataCount != nil { // the segments that there are stay
		m.segments = max(1, min(m.segments, maxAll-len(p.original.Data)))
	}
	return m
}

var zeros [4 << 10]byte

// Append looks through the next piece of the memory; the pieces are multiples of 32 bytes. The error is a *[wasm.Error]:
// there is too much.
func (m *Memory) Append(piece []byte) error {
	for rest := piece; len(rest) > 0; {
		n := min(len(rest), len(zeros))
		if bytes.Equal(rest[:n], zeros[:n]) {
			m.size += uint64(n)
		} else {
			m.appendBlocks(rest[:n])
		}
		rest = rest[n:]
		if len(m.runs) > 2*m.segments {
			m.merge()
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

// appendBlocks looks through a few blocks.
func (m *Memory) appendBlocks(part []byte) {
	for len(part) > 0 {
		n := min(len(part), blockBytes)
		end := m.size + uint64(n)
		if !bytes.Equal(part[:n], zeros[:n]) {
			m.add(run{m.size, end}, m.gap)
		}
		m.size = end
		part = part[n:]
	}
}

func (m *Memory) check() error {
	if m.bytes <= m.limit {
		return nil
	}
	return &wasm.Error{Kind: wasm.TooLarge, Msg: fmt.Sprintf(
		"the memory has more than %d bytes that are not zero, and a module must not have more", m.limit)}
}

// add adds a run, to the last one if it is no further than a gap away.
func (m *Memory) add(r run, gap uint64) {
	if last := len(m.runs) - 1; last >= 0 && r.begin-m.runs[last].end <= gap {
		m.bytes += r.end - m.runs[last].end
		m.runs[last].end = r.end
		return
	}
	m.bytes += r.end - r.begin
	m.runs = append(m.runs, r)
}

// merge closes the smallest gaps, until there are few enough runs. Smaller ones than those are closed from then on.
func (m *Memory) merge() {
	all := m.runs
	gaps := make([]uint64, 0, len(all))
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, all[i].begin-all[i-1].end)
	}
	slices.Sort(gaps)
	closed := gaps[:len(all)-m.segments]
	largest := closed[len(closed)-1]
	m.gap = largest - 1
	first, _ := slices.BinarySearch(closed, largest)
	ofLargest := len(closed) - first // may be closed, of all that are as large
	m.runs, m.bytes = all[:0], 0
	for _, r := range all {
		gap := m.gap
		if ofLargest > 0 {
			gap = largest
		}
		if len(m.runs) > 0 && r.begin-m.runs[len(m.runs)-1].end == largest {
			ofLargest--
		}
		m.add(r, gap)
	}
}

// Fill reads what becomes data: read fills a slice with what the memory holds from an offset on. The error is read's, or
// a *[wasm.Error]: there is too much.
func (m *Memory) Fill(read func(offset uint64, into []byte) error) error {
	if len(m.runs) > m.segments {
		m.merge()
	}
	if err := m.check(); err != nil {
		return err
	}
	m.content = make([]byte, m.bytes)
	rest := m.content
	for _, r := range m.runs {
		for offset := r.begin; offset < r.end; {
			n := min(r.end-offset, readBytes)
			if err := read(offset, rest[:n]); err != nil {
				return err
			}
			offset, rest = offset+n, rest[n:]
		}
	}
	return nil
}

// data returns the memory as active segments.
func (m *Memory) data() []wasm.DataSegment {
	data := make([]wasm.DataSegment, 0, len(m.runs))
	rest := m.content
	for _, r := range m.runs {
		n := r.end - r.begin
		b := bytes.TrimRight(rest[:n], "\x00")
		trimmed := bytes.TrimLeft(b, "\x00")
		offset := r.begin + uint64(len(b)-len(trimmed))
		data = append(data, wasm.DataSegment{Offset: constant(wasm.I32, offset), Bytes: trimmed})
		rest = rest[n:]
	}
	return data
}
