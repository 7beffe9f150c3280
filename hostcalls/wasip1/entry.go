package wasip1

import (
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Names of entry points (of the application ABI of preview 1): a command exports the first; a reactor may
// export the second, which is called once before any other.
const (
	commandStart      = "_start"
	reactorInitialize = "_initialize"
)

// entry is the entry point of a process, with its parameters.
type entry struct {
	initialize bool
	export     string
	params     []uint64
	results    []meter.ValType
}

// planEntry returns the entry of a module. If an export is invoked, its parameters are args[1:].
func planEntry(info *meter.Info, invoke string, args []string) (entry, error) {
	if invoke == "" {
		if _, err := exportedFunction(info, commandStart); err != nil {
			return entry{}, err
		}
		return entry{export: commandStart}, nil
	}
	function, err := exportedFunction(info, invoke)
	if err != nil {
		return entry{}, err
	}
	e := entry{export: invoke, results: function.Results}
	if invoke != reactorInitialize {
		_, err := exportedFunction(info, reactorInitialize)
		e.initialize = err == nil
	}
	e.params, err = parseParams(function.Params, args[min(1, len(args)):])
	if err != nil {
		return entry{}, &abi.EntryError{Export: invoke, Msg: err.Error()}
	}
	return e, nil
}

func exportedFunction(info *meter.Info, name string) (*meter.FuncType, error) {
	for _, e := range info.Exports {
		switch {
		case e.Name != name:
		case e.Kind != meter.FuncExtern:
			return nil, &abi.EntryError{Export: name, Msg: "it is a " + string(e.Kind) + ", not a function"}
		default:
			return e.Func, nil
		}
	}
	return nil, &abi.EntryError{Export: name, Msg: "the module has no such export"}
}
