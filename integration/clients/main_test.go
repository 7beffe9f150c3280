// Package clients runs what docs/clients.md tells authors of clients to do, and the programs that it quotes.
package clients

import (
	"os"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
