// Package web runs one component in reactord, in Node and in a browser, and compares what comes of it.
package web

import (
	"os"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
