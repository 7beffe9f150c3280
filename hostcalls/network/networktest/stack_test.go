package networktest

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) { Run(t, func(*testing.T) network.Stack { return New() }) }
