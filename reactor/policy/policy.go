// Package policy says what the operator of a daemon allows to be granted: which folders, which addresses to listen
// at and to connect to, which names to look up, which origins of HTTP, and which secrets.
//
// It is pure: it compares paths, names and addresses as they are. Callers resolve links and names first, and ask again when a
// grant is opened, since both may have changed. All functions may be called from any goroutine.
package policy

// Policy is what may be granted. The zero value allows nothing.
type Policy struct {
	Dirs    []Dir
	Listen  []Address
	Connect []Address
	Resolve []Name
	HTTP    []Origin
	Secrets []References
}

// Anything returns the policy that allows all grants but secrets, which belong to the daemon.
func Anything() Policy {
	everywhere := []Address{{high: 65535}}
	return Policy{Dirs: []Dir{{"/"}}, Listen: everywhere, Connect: everywhere, Resolve: []Name{{"*"}}, HTTP: []Origin{{}}}
}
