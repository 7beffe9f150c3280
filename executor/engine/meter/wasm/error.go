package wasm

import "fmt"

// Kind classifies an Error.
type Kind int

// The kinds of Error.
const (
	Malformed   Kind = iota + 1 // not WebAssembly, truncated or inconsistent
	Unsupported                 // well-formed, but needs a feature this package refuses
	TooLarge                    // beyond a limit
	Component                   // a component rather than a core module
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
	case Component:
		return "component"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Error is the reason why a module was refused.
type Error struct {
	Kind    Kind
	Offset  int64  // of the faulty byte in the module; 0 if the whole module is at fault
	Feature string // the feature a module of kind Unsupported needs; else empty
	Msg     string
}

// Error describes the fault with its offset.
func (e *Error) Error() string {
	switch e.Kind {
	case Unsupported:
		text := fmt.Sprintf("%s at byte %#x is not supported: %s", e.Feature, e.Offset, e.Msg)
		if advice := adviceOn(e.Feature); advice != "" {
			text += "; " + advice
		}
		return text
	case Component:
		return e.Msg
	}
	if e.Offset == 0 { // the whole module is at fault
		return e.Msg
	}
	return fmt.Sprintf("%s (at byte %#x)", e.Msg, e.Offset)
}
