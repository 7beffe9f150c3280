package render

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Modules returns a list of modules.
func Modules(modules []*reactorv1.Module, wide bool) List {
	list := List{Columns: []table.Column{
		{Title: "DIGEST"}, {Title: "SIZE", Right: true}, {Title: "KIND"}, {Title: "AGE"}, {Title: "TAGS", Least: 12},
	}}
	if wide {
		list.Columns = append(list.Columns, table.Column{Title: "FUNCTIONS", Right: true}, table.Column{Title: "NEEDS"})
	}
	for _, m := range modules {
		digest := shortDigest(m.GetDigest())
		if wide {
			digest = m.GetDigest()
		}
		row := table.Cells(digest, size(m.GetSizeBytes()), moduleKind(m), age(m.GetCreateTime()), strings.Join(m.GetTags(), ", "))
		if wide {
			row = append(row, table.Cells(fmt.Sprint(m.GetFunctionCount()), strings.Join(m.GetNeeds(), ", "))...)
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// Module prints one module in full.
func Module(s *screen.Screen, m *reactorv1.Module) error {
	memory := "none"
	if m.GetMemory() != nil {
		memory = size(m.GetMemory().GetMinBytes()) + " at the start"
		if m.GetMemory().MaxBytes != nil {
			memory += ", " + size(m.GetMemory().GetMaxBytes()) + " at most"
		}
	}
	needs := "none"
	if len(m.GetNeeds()) > 0 {
		needs = strings.Join(m.GetNeeds(), ", ")
	}
	var imports, exports []string
	for _, i := range m.GetImports() {
		imports = append(imports, i.GetModule()+"."+i.GetName()+" "+i.GetType())
	}
	for _, e := range m.GetExports() {
		exports = append(exports, e.GetName()+" "+e.GetType())
	}
	return printPairs(s,
		pair("digest", m.GetDigest()), pair("size", size(m.GetSizeBytes())), pair("kind", moduleKind(m)),
		pair("tags", strings.Join(m.GetTags(), ", ")), pair("created", moment(m.GetCreateTime())),
		pair("functions", fmt.Sprint(m.GetFunctionCount())), pair("memory", memory), pair("needs", needs),
		values("imports", imports...), values("exports", exports...),
	)
}

func moduleKind(m *reactorv1.Module) string { return enumWord(m.GetKind().String(), "MODULE_KIND_") }

func shortDigest(digest string) string {
	const shown = len("sha256:") + 12
	if strings.HasPrefix(digest, "sha256:") && len(digest) > shown {
		return digest[:shown]
	}
	return digest
}
