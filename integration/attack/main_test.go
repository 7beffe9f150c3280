package attack

import (
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) {
	if args := os.Getenv(floodVariable); args != "" {
		os.Exit(runFlood(strings.Split(args, "\n")))
	}
	os.Exit(testkit.Main(m))
}

// all tells whether the attacks that take long are wanted too.
var all = os.Getenv("ATTACKS") == "all"

// figures tells whether what takes time or memory is to be held against figures: only on a machine that has nothing
// else to do, so not with the other tests.
var figures = all

// long skips an attack that takes long, unless ATTACKS=all asks for those too.
func long(t *testing.T) {
	t.Helper()
	if !all {
		t.Skip("takes long: run it with ATTACKS=all")
	}
}
