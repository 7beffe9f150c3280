package snapshots

import (
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
)

// Exports with a meaning of their own: the first runs a program from beginning to end, the second initializes a module
// whose exports are invoked.
const (
	start      = "_start"
	initialize = "_initialize"
)

// check checks a request against its module.
func check(module *abi.Description, req *api.SnapshotRequest) error {
	var f errs.Faults
	if req.Tag != "" {
		intake.CheckNewTag(&f, "tag", req.Tag)
	}
	if module.Signatures != nil {
		f.Add("module", "it is a component: snapshots can be made of core modules only")
	} else {
		checkInvoke(&f, module, req.Invoke)
	}
	return f.Err()
}

func checkInvoke(f *errs.Faults, module *abi.Description, invoke string) {
	exports := map[string]meter.FuncType{}
	for _, e := range module.Exports {
		if t, ok := meter.ParseFuncType(e.Type); ok {
			exports[e.Name] = t
		}
	}
	_, initializes := exports[initialize]
	t, found := exports[invoke]
	switch {
	case invoke == "" && !initializes && module.Kind == abi.Command:
		f.Add("invoke", "the module is a program, which exports no %q: build a library (in Go with -buildmode=c-shared, in C with -mexec-model=reactor), or name an export that initializes it", initialize)
		return
	case invoke == "" && !initializes:
		f.Add("invoke", "the module exports no %q: name the export that initializes it", initialize)
		return
	case invoke == start:
		f.Add("invoke", "%q runs the program to its end: name an export that initializes it", start)
		return
	case invoke != "" && !found:
		f.Add("invoke", "the module exports no function %q", invoke)
		return
	case len(t.Params) > 0:
		f.Add("invoke", "%q takes arguments, and what initializes a module has none", invoke)
		return
	}
	delete(exports, initialize)
	delete(exports, invoke)
	if len(exports) == 0 {
		f.Add("invoke", "the module exports no other function, which a snapshot could be run for")
	}
}
