package inflight

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/reactor/errs"
)

// retryAfter is when clients are told to try again after a refusal for lack of memory or slots.
const retryAfter = time.Second

func errTooMuch() error {
	return &errs.Error{
		Class: errs.TooMuchInFlight, Retry: retryAfter,
		Message: "the daemon's clients have too much in flight: try again, with fewer or smaller calls at a time",
	}
}

func errTooLarge(n int, m *method) error {
	return errs.New(errs.LimitExceeded, "a message of %d bytes is larger than the %s that %s accepts: send less at a time",
		n, quantity.HumanSize(uint64(m.maxBytes)), m.name)
}

func errTooCostly(n, most int64) error {
	return errs.New(errs.LimitExceeded, "the message would take up %s, more than the %s that all clients share: send less at a time",
		quantity.HumanSize(uint64(n)), quantity.HumanSize(uint64(most)))
}

func errMalformed(m proto.Message, err error) error {
	return errs.New(errs.InvalidArgument, "the bytes of the message are no %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
}

// clipName shortens a name that a client chose.
func clipName(name string) string { return name[:min(len(name), 256)] }
