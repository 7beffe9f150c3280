package conformance

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// misses are the commands of scripts that do not come out as they should, and why: by script, line and reason. A script has
// several commands in a line at times; they are one.
type misses map[string]map[int]string

// missesFile has a section for each reason, and in it a line for each script:
//
//	# why these miss
//	component-model/linking/tags 12 40 44
const missesFile = "testdata/misses.txt"

// unexplained is the reason that -update gives to misses whose error does not tell it. It has to be replaced by the true one.
const unexplained = "NOT EXPLAINED"

// reasonOf returns why a command misses, if its error tells.
func reasonOf(err error) string {
	var component *binary.Error
	var core *wasm.Error
	switch {
	case errors.As(err, &component) && component.Kind == binary.Unsupported:
		return component.Feature
	case errors.As(err, &core) && core.Kind == wasm.Unsupported:
		return core.Feature
	default:
		return unexplained
	}
}

func readMisses() (misses, error) {
	text, err := os.ReadFile(missesFile)
	if err != nil {
		return nil, err
	}
	m, reason := misses{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if after, ok := strings.CutPrefix(line, "# "); ok {
			reason = after
		} else if fields := strings.Fields(line); len(fields) > 0 {
			for _, field := range fields[1:] {
				n, err := strconv.Atoi(field)
				if err != nil {
					return nil, fmt.Errorf("%s: %q: %w", missesFile, line, err)
				}
				m.add(fields[0], n, reason)
			}
		}
	}
	return m, nil
}

func (m misses) add(script string, line int, reason string) {
	if m[script] == nil {
		m[script] = map[int]string{}
	}
	m[script][line] = reason
}

// String returns the form of the file.
func (m misses) String() string {
	var b strings.Builder
	for i, reason := range m.reasons() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s\n", reason)
		for _, script := range slices.Sorted(maps.Keys(m)) {
			if lines := m.lines(script, reason); len(lines) > 0 {
				fmt.Fprintln(&b, script, strings.Trim(fmt.Sprint(lines), "[]"))
			}
		}
	}
	return b.String()
}

// reasons returns every reason, sorted.
func (m misses) reasons() []string {
	all := map[string]bool{}
	for _, lines := range m {
		for _, reason := range lines {
			all[reason] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// lines returns the lines of a script that miss for a reason, sorted.
func (m misses) lines(script, reason string) []int {
	var lines []int
	for line, r := range m[script] {
		if r == reason {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// cell returns why commands of a script miss, as a cell of a table.
func (m misses) cell(script string) string {
	var parts []string
	for _, reason := range m.reasons() {
		if n := len(m.lines(script, reason)); n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d)", reason, n))
		}
	}
	return strings.Join(parts, "; ")
}
