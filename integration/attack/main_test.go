package attack

import (
	"os"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// long skips an attack that takes long, unless ATTACKS=all asks for those too.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("ATTACKS") != "all" {
		t.Skip("takes long: run it with ATTACKS=all")
	}
}
