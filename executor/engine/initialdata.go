package engine

import (
	"bytes"
	"slices"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
)

// initialData is what the memories of a module's instances begin with.
type initialData struct {
	image     *memory.Image    // nil: none
	imageCost int64            // fuel, as if its segments were written
	segments  []memory.Segment // that are not in the image, in the order in which they are written
	relative  []meter.Data     // all segments, if the offset of one depends on the instance; then there is nothing else
}

// take takes the data out of info. As much as is worth it becomes an image, if no segment is out of bounds: such a module
// never runs, but ends as the specification has it. take returns what that adds to the footprint of the module, for an image
// has gaps.
func (d *initialData) take(info *meter.Info, pool *memory.Pool) (more int64) {
	if slices.ContainsFunc(info.Data, func(s meter.Data) bool { return !s.Offset.Known() }) {
		d.relative, info.Data = info.Data, nil
		return 0
	}
	size := int64(info.MinPages) * memory.PageBytes
	total, fits := int64(0), true
	d.segments = make([]memory.Segment, len(info.Data))
	for i, data := range info.Data {
		s := memory.Segment{Offset: int64(data.Offset.Value), Bytes: data.Bytes}
		d.segments[i] = s
		total += dataCost(s)
		more -= dataFootprint(s.Bytes)
		fits = fits && s.Offset+int64(len(s.Bytes)) <= size
	}
	info.Data = nil
	if !fits || info.MemoryImported {
		return 0
	}
	image, rest, err := pool.NewImage(d.segments)
	if err != nil || image == nil {
		return 0 // they are copied
	}
	more += image.Bytes()
	d.image, d.imageCost, d.segments = image, total, slices.Clip(rest)
	for i := range d.segments {
		s := &d.segments[i]
		s.Bytes = bytes.Clone(s.Bytes) // the others are no longer needed
		d.imageCost -= dataCost(*s)
		more += dataFootprint(s.Bytes)
	}
	return more
}

// dataCost is the fuel for writing a segment.
func dataCost(s memory.Segment) int64 { return segmentCost + byteCost*int64(len(s.Bytes)) }

func (d *initialData) close() {
	if d.image != nil {
		_ = d.image.Close() // it could only fail for a file or a mapping that is not ours
		d.image = nil
	}
}
