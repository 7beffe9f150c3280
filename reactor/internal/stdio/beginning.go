package stdio

import "github.com/reactord/reactord/hostcalls"

// MaxBeginning bounds what a Beginning keeps.
const MaxBeginning = 64 << 10

// Beginning is a Sink that keeps the beginning of what is written, and counts the rest. It never blocks.
type Beginning struct {
	hostcalls.Discard
	Kept    []byte
	Dropped uint64 // bytes
}

// Write implements hostcalls.Sink.
func (b *Beginning) Write(p []byte) (int, error) {
	n := min(len(p), MaxBeginning-len(b.Kept))
	b.Kept = append(b.Kept, p[:n]...)
	b.Dropped += uint64(len(p) - n)
	return len(p), nil
}
