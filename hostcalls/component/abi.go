package component

import "github.com/reactord/reactord/hostcalls/abi"

// Config says what the host provides to components.
type Config struct {
	Interfaces []Interface
	// NewHost makes the Host of a store. It does not wait, and opens nothing yet. An error is a fault of the config.
	NewHost func(*Store, *abi.Config) (Host, error)
	// Needs, unless nil, names the capabilities that a component needs by the interfaces that it imports.
	Needs func(imports []abi.Import) []string
}
