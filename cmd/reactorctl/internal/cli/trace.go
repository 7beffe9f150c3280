package cli

import (
	"context"
	"strings"
)

// maxTraceState bounds what is sent of a trace's state: as much as is to be passed on at least.
const maxTraceState = 512

// traceContext puts the trace that the command is part of into the metadata of each call (W3C Trace Context).
type traceContext map[string]string

// traceContextOf returns the trace that the environment names in TRACEPARENT and TRACESTATE; empty if it names none.
func traceContextOf(getenv func(string) string) traceContext {
	t := traceContext{}
	parent, state := getenv("TRACEPARENT"), getenv("TRACESTATE")
	if len(parent) != len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") || strings.Trim(parent, "0123456789abcdef-") != "" {
		return t
	}
	t["traceparent"] = parent
	if state != "" && len(state) <= maxTraceState && isHeader(state) {
		t["tracestate"] = state
	}
	return t
}

// isHeader reports whether the text can be sent in a header.
func isHeader(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// GetRequestMetadata implements credentials.PerRPCCredentials, which is how all calls get metadata.
func (t traceContext) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return t, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (traceContext) RequireTransportSecurity() bool { return false }
