package daemon

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/hostcalls/wasip2"
)

// abis returns the ABIs that the daemon offers to guests.
func abis() ([]abi.ABI, error) {
	preview1 := wasip1.New()
	wasi := wasip2.NewNode(preview1.Appends())
	components, err := component.New(component.Config{Interfaces: wasip2.Interfaces(), NewHost: wasi.NewHost, Needs: wasip2.Needs, CheckGrant: wasip2.CheckGrant})
	if err != nil {
		return nil, err
	}
	return []abi.ABI{preview1, components}, nil
}
