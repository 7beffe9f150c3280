package calls

import "github.com/reactord/reactord/hostcalls"

// maxOutput bounds the output of a call that is kept, its beginning.
const maxOutput = 64 << 10

// output keeps what a guest writes.
type output struct {
	hostcalls.Discard
	kept    []byte
	dropped uint64
}

// Write implements hostcalls.Sink.
func (o *output) Write(p []byte) (int, error) {
	n := min(len(p), maxOutput-len(o.kept))
	o.kept = append(o.kept, p[:n]...)
	o.dropped += uint64(len(p) - n)
	return len(p), nil
}
