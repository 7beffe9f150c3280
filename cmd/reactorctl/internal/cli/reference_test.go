package cli

import (
	"testing"

	"github.com/reactord/reactord/cmd/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Check(t, Command(), "../../../../docs/reference/reactorctl.md")
}
