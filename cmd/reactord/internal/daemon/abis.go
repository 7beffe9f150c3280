package daemon

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasip1"
)

// abis returns the ABIs that the daemon offers to guests.
func abis() ([]abi.ABI, error) {
	components, err := component.New(component.Config{})
	if err != nil {
		return nil, err
	}
	return []abi.ABI{wasip1.New(), components}, nil
}
