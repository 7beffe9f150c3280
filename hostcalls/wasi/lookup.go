package wasi

import "github.com/reactord/reactord/hostcalls/network"

// MaxLookups bounds the lookups that a component has under way at a time.
const MaxLookups = 64

// Lookup is a lookup of a name. It counts as under way until it is closed.
type Lookup struct {
	*network.Resolution
	host *Host
}

// StartLookup begins the lookup of a name, if that is granted. LookupCodeOf has the codes of its errors.
func (h *Host) StartLookup(name string) (Lookup, error) {
	if h.lookups >= MaxLookups {
		return Lookup{}, SockTemporaryResolverFailure
	}
	found, err := h.Net().StartResolve(h.hostcall(), network.AnyFamily, name)
	if err != nil {
		return Lookup{}, err
	}
	h.lookups++
	return Lookup{found, h}, nil
}

// Close gives the lookup up, or ends it.
func (l Lookup) Close() {
	l.host.lookups--
	l.Resolution.Close()
}
