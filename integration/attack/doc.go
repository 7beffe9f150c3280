// Package attack holds what hostile clients and guests do to a daemon, and what it owes its other
// clients and guests meanwhile: that it stays up within its memory, that small calls are answered,
// that sleepers wake in time, and that nothing acknowledged is lost. docs/security.md lists the
// promises and names the test of each.
//
// The quick attacks run with `go test ./...`. Those that take long, need much memory, or need root
// run with
//
//	ATTACKS=all go test -timeout 60m ./integration/attack
//
// There is a file for each kind of attack. Each test starts a daemon of its own on loopback; none
// runs in parallel with another.
package attack
