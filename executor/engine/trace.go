package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/internal/clip"
)

// Frame is one frame of a guest's stack.
type Frame struct {
	Function string // its name in the module's name section, or "$index"
}

const (
	traceStart = "\nwasm stack trace:\n\t"
	traceEnd   = "\n\nGo runtime stack trace:"
	traceMore  = "... maybe followed by omitted frames"

	nameBytes = 256 // bound on a function's name, since the module chooses it
)

// parseTrace reads the guest's stack from the text of wazero's error, its only form. Frames of functions
// added by the metering pass are left out. wazero is not given the names of a guest's functions: they may
// be long, and it would write them out for each frame.
func parseTrace(text string, names names) (frames []Frame, more bool) {
	_, trace, ok := strings.Cut(text, traceStart)
	if !ok {
		return nil, false
	}
	trace, _, _ = strings.Cut(trace, traceEnd)
	for line := range strings.SplitSeq(trace, "\n\t") {
		if line == traceMore {
			more = true
		} else if name, ok := names.of(cutSignature(line)); ok {
			frames = append(frames, Frame{Function: printable(name)})
		}
	}
	return frames, more
}

// names holds the names of a module's functions.
type names struct {
	functions []meter.FunctionName // sorted by index in the original module
	imported  int                  // number of functions that the original module imports
	defined   int                  // number of functions that the original module defines
}

func namesOf(info *meter.Info) names {
	n := names{functions: info.Names, defined: info.FunctionCount}
	for i := range info.Imports {
		if info.Imports[i].Kind == meter.FuncExtern {
			n.imported++
		}
	}
	return n
}

// of returns the name of a function in a trace, which has module.name for a function of a host module and
// .$index for one of the guest. ok is false for functions of the metering pass.
func (n names) of(traced string) (name string, ok bool) {
	digits, ok := strings.CutPrefix(traced, ".$")
	if !ok {
		return traced, !strings.HasPrefix(traced, meter.HostModule+".")
	}
	index, err := strconv.Atoi(digits)
	if err != nil {
		return traced, true
	}
	if index >= n.imported {
		index -= meter.AddedImports
	}
	if index >= n.imported+n.defined {
		return "", false
	}
	at, ok := slices.BinarySearchFunc(n.functions, uint32(index), func(f meter.FunctionName, index uint32) int {
		return cmp.Compare(f.Index, index)
	})
	if !ok {
		return "$" + strconv.Itoa(index), true
	}
	return n.functions[at].Name, true
}

// cutSignature removes the types from a line: name(params), name(params) result or name(params) (results).
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

// printable bounds a text and replaces characters that would control a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	return clip.Text(s, nameBytes)
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
