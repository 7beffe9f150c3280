package conformance

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/component"
)

const componentsVariable = "REACTORD_COMPONENT_TESTSUITES"

var update = flag.Bool("update", false, "rewrite the misses of the component suites, and their table in docs/conformance.md, as they are")

// TestComponents runs the scripts of the component suites. Whatever comes out otherwise than testdata/misses.txt and
// docs/conformance.md say is a fault, for better or worse.
func TestComponents(t *testing.T) {
	suites := os.Getenv(componentsVariable)
	if suites == "" {
		t.Skipf("%s is not set: it names a folder that convert.sh made", componentsVariable)
	}
	all, err := scripts(suites)
	if err != nil {
		t.Fatal(err)
	}
	expected, err := readMisses()
	if err != nil {
		t.Fatal(err)
	}
	node := newNode(t, component.Config{Interfaces: testInterfaces(), Features: everything})
	found, table, ran := misses{}, tableHeader, 0
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			result, err := node.run(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			ran++
			for line, fault := range result.faults {
				reason, known := expected[s.name][line]
				if !known {
					reason = reasonOf(fault)
					if !*update {
						t.Errorf("line %d: %v", line, fault)
					}
				}
				found.add(s.name, line, reason)
			}
			for line, reason := range expected[s.name] {
				if result.faults[line] == nil && !*update {
					t.Errorf("line %d comes out as specified, and was not expected to: %s", line, reason)
				}
			}
			table += fmt.Sprintf("| %s | %d | %d | %s |\n", s.name, result.commands, result.passed, found.cell(s.name))
		})
	}
	switch {
	case ran < len(all): // -run picked some
	case *update:
		if err := errors.Join(os.WriteFile(missesFile, []byte(found.String()), 0o666), writeTable(table)); err != nil {
			t.Error(err)
		}
	default:
		for script := range expected {
			if found[script] == nil {
				t.Errorf("%s is not among the suites, or misses nothing", script)
			}
		}
		if documented, err := readTable(); err != nil || documented != table {
			t.Errorf("%s does not have the results of this run (%v): -args -update writes them", document, err)
		}
	}
}

// result is how the commands of a script came out.
type result struct {
	commands, passed int
	faults           map[int]error // by line, of those that did not come out as specified
}

const (
	document    = "../../docs/conformance.md"
	tableHeader = "| script | commands | as specified | not, and why |\n|---|---|---|---|\n"
)

// readTable returns the table of the results in the document.
func readTable() (string, error) {
	_, table, _, err := splitDocument()
	return table, err
}

func writeTable(table string) error {
	before, _, after, err := splitDocument()
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(before+table+after), 0o666)
}

// splitDocument returns the table, and what is around it.
func splitDocument() (before, table, after string, err error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return "", "", "", err
	}
	before, rest, ok := strings.Cut(string(text), tableHeader)
	if !ok {
		return "", "", "", fmt.Errorf("%s has no table that begins with %q", document, tableHeader)
	}
	end := 0 // of the last row
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		end += len(line)
	}
	return before, tableHeader + rest[:end], rest[end:], nil
}
