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
	Stream Stream
	Time   time.Time
	Data   []byte
}

// LogAppend appends chunks to a workload's log on behalf of an attempt.
type LogAppend struct {
	ID      string
	Attempt uint32
	Chunks  []LogChunk
}

// LogEntry is a stored chunk, or the part of one from the requested offset on.
type LogEntry struct {
	Offset int64
	LogChunk
}
