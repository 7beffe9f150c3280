package server

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactord/internal/inflight"
)

// Ended is a call that has ended, in words of which there are few, whatever clients send.
type Ended struct {
	Method string // "reactor.v1.WorkloadService/SubmitWorkload"; empty if there is no such method
	Code   codes.Code
	Reason string // the class of the error, as the API has it; empty if there is none
}

// OnCall has f called at the end of every call, of those too that are refused before their handlers are entered. f must not block.
// OnCall is called before Serve.
func (s *Server) OnCall(f func(Ended)) {
	s.gate.OnEnd(func(method string, err error) {
		f(Ended{Method: strings.TrimPrefix(method, "/"), Code: codeFor(err), Reason: reasonOf(err)})
	})
}

// OnItemError has f called for each item of a batch that a call has refused, with the class of its error. f must not block.
// OnItemError is called before Serve.
func (s *Server) OnItemError(f func(reason string)) { s.onItemError = f }

// codeFor returns the code that a client gets for an error: that of a context is not a status yet.
func codeFor(err error) codes.Code {
	if st, ok := status.FromError(err); ok {
		return st.Code()
	}
	return status.FromContextError(err).Code()
}

// reasonOf returns the reason that the details of a status have.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			return info.GetReason()
		}
	}
	return ""
}

// Load is what the clients of a server have in flight.
type Load struct {
	inflight.Load
	Calls int
}

// Load returns what the clients have in flight.
func (s *Server) Load() Load { return Load{s.gate.Load(), s.calls.count()} }
