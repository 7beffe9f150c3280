// Package attack attacks a daemon as hostile clients and guests would, and checks that the daemon keeps its promises to
// others meanwhile: it stays up within its memory, answers small calls, wakes sleepers in time, and loses nothing
// acknowledged. docs/security.md lists the promises and names the test of each.
//
// The quick attacks run with `go test ./...`. Those that take long, need much memory, or need root
// run with
//
//	ATTACKS=all go test -timeout 60m ./integration/attack
//
// There is a file for each kind of attack. Each test starts a daemon of its own on loopback; none
// runs in parallel with another.
package attack
