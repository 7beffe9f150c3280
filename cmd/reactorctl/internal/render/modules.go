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
		{Title: "DIGEST"}, {Title: "NAME", Least: 8}, {Title: "TAGS", Least: 12},
		{Title: "SIZE", Right: true}, {Title: "AGE"}, {Title: "LAST USED"},
	}}
	if wide {
		list.Columns = append(list.Columns, table.Column{Title: "KIND"}, table.Column{Title: "FUNCTIONS", Right: true}, table.Column{Title: "NEEDS"})
	}
	for _, m := range modules {
		digest := ShortDigest(m.GetDigest())
		if wide {
			digest = m.GetDigest()
		}
		shown := screen.Span{Text: digest}
		if m.GetDamaged() {
			shown = screen.Span{Text: digest + " (damaged)", Style: screen.Bad}
		}
		row := append(table.Row{shown}, table.Cells(m.GetName(), strings.Join(m.GetTags(), ", "), Size(m.GetSizeBytes()), age(m.GetCreateTime()), age(m.GetLastUseTime()))...)
		if wide {
			row = append(row, table.Cells(moduleKind(m), fmt.Sprint(m.GetFunctionCount()), strings.Join(m.GetNeeds(), ", "))...)
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// Module prints one module in full. Nothing is wrapped: digests, and imports with their types, are for copying and grep.
func Module(s *screen.Screen, m *reactorv1.Module) error {
	var imports, exports []string
	for _, i := range m.GetImports() {
		imports = append(imports, i.GetModule()+"."+i.GetName()+" "+i.GetType())
	}
	for _, e := range m.GetExports() {
		exports = append(exports, e.GetName()+" "+e.GetType())
	}
	return s.Print(table.Pairs(append(moduleFacts(m), listed("imports", imports...), listed("exports", exports...)), 0)...)
}

// Component prints a component: what is known of it, and its world.
func Component(s *screen.Screen, d *reactorv1.DescribeModuleResponse) error {
	lines := append(table.Pairs(moduleFacts(d.GetModule()), 0), screen.Line{})
	for line := range strings.Lines(d.GetWit()) {
		lines = append(lines, screen.Text(strings.TrimSuffix(line, "\n")))
	}
	return s.Print(lines...)
}

// moduleFacts are what is known of any module.
func moduleFacts(m *reactorv1.Module) []table.Pair {
	memory := "none"
	if isComponent(m) {
		memory = "" // each of its core modules has its own
	}
	if m.GetMemory() != nil {
		memory = Size(m.GetMemory().GetMinBytes()) + " at the start"
		if m.GetMemory().MaxBytes != nil {
			memory += ", " + Size(m.GetMemory().GetMaxBytes()) + " at most"
		}
	}
	damage := ""
	if m.GetDamaged() {
		damage = "on disk: push it again"
	}
	return []table.Pair{
		pair("digest", strings.TrimPrefix(m.GetDigest(), "sha256:")), pair("name", m.GetName()), pair("size", Size(m.GetSizeBytes())), pair("kind", moduleKind(m)),
		pair("damaged", damage), pair("artifact", m.GetArtifact()), pair("signed with", m.GetSigner()),
		pair("tags", strings.Join(m.GetTags(), ", ")), pair("created", moment(m.GetCreateTime())),
		pair("last used", moment(m.GetLastUseTime())),
		pair("functions", fmt.Sprint(m.GetFunctionCount())), pair("memory", memory), pair("needs", needs(m)),
	}
}

// grantsFor are the flags for what modules need.
var grantsFor = map[string]string{
	"files": "--dir", "sockets": "--listen, --connect", "dialling": "--dial", "names": "--resolve, or --dial with the name",
	"requests": "--http",
}

// needs tells what a module needs, with the flags that grant it.
func needs(m *reactorv1.Module) string {
	if len(m.GetNeeds()) == 0 {
		return "none"
	}
	var all []string
	for _, need := range m.GetNeeds() {
		flags, ok := grantsFor[need]
		if need == "sockets" && isComponent(m) {
			flags = "--listen" // which can't be handed an open connection
		}
		if name, is := strings.CutPrefix(need, "link "); is {
			need, flags, ok = name, "--link "+name+"=workload:ID", true
		}
		if ok {
			need += " (" + flags + ")"
		}
		all = append(all, need)
	}
	return strings.Join(all, ", ")
}

func isComponent(m *reactorv1.Module) bool {
	switch m.GetKind() {
	case reactorv1.ModuleKind_MODULE_KIND_COMPONENT, reactorv1.ModuleKind_MODULE_KIND_COMPONENT_COMMAND:
		return true
	}
	return false
}

func moduleKind(m *reactorv1.Module) string { return enumWord(m.GetKind().String(), "MODULE_KIND_") }

// ShortDigest returns the beginning of a digest that is shown, and that the daemon takes for the module.
func ShortDigest(digest string) string {
	const shown = 12
	digits := strings.TrimPrefix(digest, "sha256:")
	return digits[:min(shown, len(digits))]
}
