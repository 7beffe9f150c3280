package snapshots

import (
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/clip"
)

// maxOutput bounds the output of a sandbox that is kept, its beginning.
const maxOutput = 64 << 10

// output keeps what a sandbox writes.
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

// begin returns the beginning of the output, for a message.
func (o *output) begin() string {
	if o == nil {
		return ""
	}
	const most = 1 << 10
	return clip.Text(string(o.kept), most)
}
