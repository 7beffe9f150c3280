package link

import (
	"fmt"
	"strings"
)

// Link is what a workload imports from another one: an interface, or functions by themselves.
type Link struct {
	peer     Peer
	of       string // the workload that gives it
	imports  []Function
	provider Provider   // that was found last; nil: none was
	exports  []Function // of it, in the order of imports
}

// New returns the link of a workload with the one of an id, for what it imports from there.
func New(peer Peer, of string, imports []Function) *Link {
	return &Link{peer: peer, of: of, imports: imports}
}

// Workload returns the id of the workload that gives what is imported.
func (l *Link) Workload() string { return l.of }

// Imports returns what is imported.
func (l *Link) Imports() []Function { return l.imports }

// maxFaults bounds the functions that an error names.
const maxFaults = 4

// MismatchError means that a workload does not export what is imported from it.
type MismatchError struct {
	Workload string
	Faults   []string // the first of them
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("workload %s does not have what is imported from it: %s", e.Workload, strings.Join(e.Faults, "; "))
}

// Find finds the workload. It returns an *AbsentError if that offers nothing now, or a *MismatchError.
func (l *Link) Find() error {
	p, err := l.peer.Find(l.of)
	if err != nil {
		return err
	}
	if p == l.provider {
		return nil
	}
	exports := make([]Function, len(l.imports))
	var faults []string
	for i := range l.imports {
		if exports[i], err = p.Exports().Find(&l.imports[i]); err != nil && len(faults) < maxFaults {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return &MismatchError{l.of, faults}
	}
	l.provider, l.exports = p, exports
	return nil
}

// Call calls one of the imports, by its number. It returns an error of Find, or else what Provider.Call returns. The arguments are no
// longer the caller's, whatever it returns.
func (l *Link) Call(c Call, number int, answer func(Answer)) (cancel func(), err error) {
	if err := l.Find(); err != nil {
		c.Args.Discard()
		return nil, err
	}
	c.Caller, c.Function = l.peer.ID, l.exports[number].FullName()
	return l.provider.Call(c, answer), nil
}
