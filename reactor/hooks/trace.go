package hooks

import "strings"

// Trace is the place of a submission in a trace, as W3C Trace Context has it. The zero value is none.
type Trace struct {
	Parent TraceParent
	// State is the tracestate header, with what those who sample and record traces need to know; it may be empty.
	State string
}

// Sampled reports whether the trace is recorded.
func (t Trace) Sampled() bool { return t.Parent.Sampled() }

// maxTraceState bounds the state of a trace: as much as the specification has everybody pass on.
const maxTraceState = 512

// ParseTrace parses the two headers. A malformed parent gives no trace, and a state that is too long or has other bytes than
// printable ASCII is left out, as the specification allows.
func ParseTrace(parent, state string) (t Trace) {
	var ok bool
	if t.Parent, ok = ParseTraceParent(parent); !ok {
		return Trace{}
	}
	if len(state) <= maxTraceState && strings.IndexFunc(state, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		t.State = state
	}
	return t
}

// TraceParent names a span of a trace in the form of the traceparent header of W3C Trace Context, version 00:
// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". The empty one names none.
type TraceParent string

// Sampled reports whether the trace is recorded: the last letter of the header has the flag.
func (t TraceParent) Sampled() bool {
	return len(t) == traceBytes && strings.IndexByte("13579bdf", t[traceBytes-1]) >= 0
}

// The parts of the header and their offsets.
const (
	traceID    = len("00-")
	spanID     = traceID + 32 + len("-")
	flags      = spanID + 16 + len("-")
	traceBytes = flags + 2
)

// ParseTraceParent parses the header; ok is false if it is malformed. As the specification asks, parts that a later
// version adds to those of version 00 are dropped.
func ParseTraceParent(header string) (parent TraceParent, ok bool) {
	if len(header) < traceBytes || header[spanID-1] != '-' || header[flags-1] != '-' || header[traceID-1] != '-' {
		return "", false
	}
	version, rest := header[:2], header[traceBytes:]
	trace, span, bits := header[traceID:spanID-1], header[spanID:flags-1], header[flags:traceBytes]
	for _, part := range []string{version, trace, span, bits} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return "", false
		}
	}
	switch {
	case version == "ff", strings.Trim(trace, "0") == "", strings.Trim(span, "0") == "":
		return "", false
	case version == "00" && rest != "", rest != "" && rest[0] != '-':
		return "", false
	}
	return TraceParent("00" + header[2:traceBytes]), true
}
