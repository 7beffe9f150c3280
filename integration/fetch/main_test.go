// Package fetch runs the programs of examples/fetch against a server on loopback.
package fetch

import (
	"os"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
