package daemon

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip1"
)

// abis makes the ABIs that a daemon's guests may have.
func abis() []abi.ABI { return []abi.ABI{wasip1.New()} }
