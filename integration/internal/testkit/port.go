package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress returns an address on loopback at which nobody listens. Its port is below those that kernels choose for
// connections and for listeners without a port, so that none of the tests beside this one is given it meanwhile.
func FreeAddress(t testing.TB) string {
	t.Helper()
	const first, last, tries = 10_000, 32_000, 100
	for range tries {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.N(last-first))
		if l, err := net.Listen("tcp", address); err == nil { //nolint:noctx // it does not block
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}
