package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Frame is one frame of a guest's stack.
type Frame struct {
	Function string // as the module's name section has it, else "$index"
}

const (
	traceStart = "\nwasm stack trace:\n\t"
	traceEnd   = "\n\nGo runtime stack trace:"
	traceMore  = "... maybe followed by omitted frames"

	nameRunes = 256 // of a function's name, which a guest chooses freely
)

// parseTrace reads the guest's stack from the text of an error of wazero's, the
// only form in which it gives it. Frames of the metering pass's own functions are left out. As
// names are the guest's choice, a hostile one can garble its own trace, and nothing else.
func parseTrace(text string, names names) (frames []Frame, more bool) {
	_, trace, ok := strings.Cut(text, traceStart)
	if !ok {
		return nil, false
	}
	trace, _, _ = strings.Cut(trace, traceEnd)
	for line := range strings.SplitSeq(trace, "\n\t") {
		switch {
		case line == traceMore:
			more = true
		case strings.HasPrefix(line, "\t"): // a source line, which wazero has none of without DWARF
		default:
			name := names.of(cutSignature(line))
			if len(frames) > 0 || !strings.HasPrefix(name, meter.HostModule+".") {
				frames = append(frames, Frame{Function: printable(name)})
			}
		}
	}
	return frames, more
}

// names knows what to call the functions of a module.
type names struct {
	prefix  string         // before each name in a trace: the module's own
	exports map[int]string // of functions, by index
	first   int            // index of the first function that is not imported
	added   int            // how many imports the metering pass added
}

func namesOf(m wazero.CompiledModule) names {
	imports := m.ImportedFunctions()
	n := names{prefix: m.Name() + ".", exports: map[int]string{}, first: len(imports)}
	for name, f := range m.ExportedFunctions() {
		n.exports[int(f.Index())] = name
	}
	for _, f := range imports {
		if module, _, _ := f.Import(); module == meter.HostModule {
			n.added++
		}
	}
	return n
}

// of returns the name of a function that a trace has by another: without the
// module's, and for one that has no name but $index, what it is exported as, or
// else the index it had before the metering pass.
func (n names) of(traced string) string {
	name := strings.TrimPrefix(traced, n.prefix)
	digits, ok := strings.CutPrefix(name, "$")
	if !ok {
		return name
	}
	index, err := strconv.Atoi(digits)
	if err != nil || index < n.first {
		return name
	}
	if export, ok := n.exports[index]; ok {
		return export
	}
	return "$" + strconv.Itoa(index-n.added)
}

// cutSignature takes the types off a line: name(params), name(params) result or
// name(params) (results). The name may itself contain parentheses.
func cutSignature(line string) string {
	head := line
	if at := strings.LastIndexByte(head, ' '); at > 0 && head[at-1] == ')' {
		head = head[:at]
	}
	if at := strings.LastIndexByte(head, '('); at > 0 && strings.HasSuffix(head, ")") {
		return head[:at]
	}
	return line
}

// printable bounds a text, and takes out what would act on a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > nameRunes {
		s = string([]rune(s)[:nameRunes]) + "..."
	}
	return s
}

func writeFrames(b *strings.Builder, frames []Frame) {
	for len(frames) > 0 {
		times := 1 // in a row, as in a recursion
		for times < len(frames) && frames[times] == frames[0] {
			times++
		}
		b.WriteString("\n    at ")
		b.WriteString(frames[0].Function)
		if times > 1 {
			fmt.Fprintf(b, " (%d times)", times)
		}
		frames = frames[times:]
	}
}
