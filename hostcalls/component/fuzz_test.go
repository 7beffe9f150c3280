package component

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
)

// Whatever bytes there are, they are refused or have a definition.
func FuzzDefine(f *testing.F) {
	for _, dir := range []string{"testdata", "../../integration/testdata/components"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(b) < 16<<10 {
				f.Add(b)
			}
		}
	}
	interfaces, drops, err := newHostInterfaces(testInterfaces())
	if err != nil {
		f.Fatal(err)
	}
	a := &ABI{interfaces: interfaces, drops: drops}
	f.Fuzz(func(_ *testing.T, b []byte) {
		decoded, err := binary.Decode(b, binary.Limits{})
		if err != nil {
			return
		}
		if _, err := types.Check(decoded, types.Features{}); err != nil {
			return
		}
		l := &loader{
			definition: &definition{abi: a, resources: map[*types.Resource]*resource{}, exports: map[string]int{}},
			numbers:    map[coreExport]int{}, cores: coreModules{},
		}
		if l.plan, err = plan.Flatten(decoded, l.cores.imports); err != nil {
			return
		}
		l.plan.Elide(l.cores.form)
		for _, m := range l.plan.Modules {
			l.sources = append(l.sources, newSource(m, l.cores[m]))
		}
		if l.match() == nil && l.define() == nil {
			l.describe()
		}
	})
}
