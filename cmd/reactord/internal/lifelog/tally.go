package lifelog

import (
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// event is what happens to a workload, or what a caller does to the node.
type event uint8

// The events.
const (
	submitted event = iota
	started
	succeeded
	failed
	cancelled
	putBack   // it will have another attempt
	granted   // it was submitted with grants
	refused   // it was not submitted, since a grant is not allowed
	revoked   // grants of it were revoked
	netFail   // its guest did not get something of the network
	drained   // a caller has ended all starts
	undrained // a caller has allowed them again
	events    // how many there are
)

// words has the name of each event in a count.
var words = [events]string{"submitted", "started", "succeeded", "failed", "cancelled", "put_back", "granted", "refused", "revoked", "network_failures", "drains", "drains_undone"}

// end returns the event of an outcome.
func end(o hooks.Outcome) event {
	switch o.State {
	case api.Succeeded:
		return succeeded
	case api.Cancelled:
		return cancelled
	case api.Failed:
		return failed
	}
	return putBack
}

// unusual reports whether somebody ought to know of the event even in a flood of others.
func (e event) unusual() bool { return e == failed || e == putBack }

// audited reports whether an event is what a caller did with grants or the node. Those are logged whatever workloads are.
func (e event) audited() bool {
	switch e {
	case granted, refused, revoked, drained, undrained:
		return true
	}
	return false
}

// tally counts events.
type tally [events]uint64

func (t tally) isZero() bool { return t == tally{} }

// fields are the counts that are not zero.
func (t tally) fields() (fields []zap.Field) {
	for e, n := range t {
		if n > 0 {
			fields = append(fields, zap.Uint64(words[e], n))
		}
	}
	return fields
}
