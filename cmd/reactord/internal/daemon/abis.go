package daemon

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasip1"
)

// abis returns the ABIs that the daemon offers to guests.
func abis() ([]abi.ABI, error) {
	preview1 := wasip1.New()
	components, err := component.New(versions.Config(preview1.Appends()))
	if err != nil {
		return nil, err
	}
	return []abi.ABI{preview1, components}, nil
}
