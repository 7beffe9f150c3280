package store

import "time"

// Stream is one of a guest's output streams. Their values are on disk.
type Stream uint8

// The streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// Streams is a set of streams; the zero value means both.
type Streams uint8

// Only returns the set of one stream.
func Only(s Stream) Streams { return 1 << s }

// Has reports whether the stream is in the set.
func (set Streams) Has(s Stream) bool { return set == 0 || set&(1<<s) != 0 }

// LogChunk is a run of bytes that a guest wrote.
type LogChunk struct {
	// Offset is the position of the first byte in all that the workload's attempts wrote to both streams, kept or not.
	Offset int64
	Stream Stream
	Time   time.Time
	Data   []byte
}

// End is the position after the last byte.
func (c *LogChunk) End() int64 { return c.Offset + int64(len(c.Data)) }

// Cut is the part of a log that is not kept, from the position From up to To, if To is further on. From is where the
// beginning of the log ends, which is kept in any case; To moves on as the log grows.
type Cut struct{ From, To int64 }

// Size is how many bytes are cut out.
func (c Cut) Size() int64 { return max(0, c.To-c.From) }

// LogAppend appends chunks to a workload's log on behalf of an attempt. A chunk begins at its Offset, or where the log
// ends if that is further on. Stored output that lies in Cut is deleted in the same commit, some of it at a time.
type LogAppend struct {
	ID      string
	Attempt uint32
	Chunks  []LogChunk
	Cut     Cut
}

// LogEntry is a stored chunk, or the part of one from the requested offset on.
type LogEntry struct {
	Attempt uint32 // that wrote it; zero if an older version of the store wrote the entry
	LogChunk
}
