package binary

import "fmt"

// Kind classifies an Error.
type Kind int

// The kinds of Error.
const (
	Malformed   Kind = iota + 1 // not a component, truncated or inconsistent
	Unsupported                 // well-formed, but needs a feature that is refused
	TooLarge                    // beyond a limit
	Invalid                     // well-formed, but its definitions do not fit together
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Malformed:
		return "malformed"
	case Unsupported:
		return "unsupported"
	case TooLarge:
		return "too large"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Error is the reason why a component was refused.
type Error struct {
	Kind    Kind
	Offset  int    // of the faulty byte, from the beginning of the outermost component
	Feature string // the feature that a component of kind Unsupported needs; else empty
	Msg     string
}

// Error describes the fault with its offset.
func (e *Error) Error() string {
	if e.Kind == Unsupported {
		return fmt.Sprintf("at offset %d: %s (%s) is not supported", e.Offset, e.Msg, e.Feature)
	}
	return fmt.Sprintf("at offset %d: %s", e.Offset, e.Msg)
}

// The names of features that Decode refuses.
const (
	featureValues         = "component values"
	featureGC             = "garbage collection"
	featureExceptions     = "exception handling"
	featureFuncRefs       = "typed function references"
	featureStackSwitching = "stack switching"
	featureSharedThreads  = "sharing between threads"
	featureMemory64       = "memory64"
	featurePageSize       = "custom page sizes"
	featureForward        = "stream forwarding"
)
