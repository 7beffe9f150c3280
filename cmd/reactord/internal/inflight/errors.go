package inflight

import (
	"time"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/reactor/errs"
)

// retryAfter is when to try again what there was no room for.
const retryAfter = time.Second

func errTooMuch() error {
	return &errs.Error{
		Class: errs.TooMuchInFlight, Retry: retryAfter,
		Message: "clients have as much under way as there is room for: try again, with fewer or smaller calls at a time",
	}
}

func errTooLarge(n int, m *method) error {
	return errs.New(errs.LimitExceeded, "a message of %d bytes is larger than the %s that %s takes: send less at a time",
		n, humanize.IBytes(uint64(m.mostBytes)), m.name)
}

func errTooCostly(n, most int64) error {
	return errs.New(errs.LimitExceeded, "the message would take up %s, more than the %s there are for all clients: send less at a time",
		humanize.IBytes(uint64(n)), humanize.IBytes(uint64(most)))
}

// clipName shortens a name that a client chose.
func clipName(name string) string { return name[:min(len(name), 256)] }
