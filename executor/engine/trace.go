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
	Function string // its name in the module's name section, cut to 1 KiB; empty if it has none
	Index    uint32 // of the function in the original module
	Offset   int64  // of the function's first instruction in the original module; zero for a host function
	Module   string // digest that a linked module was loaded by
}

const (
	traceStart = "\nwasm stack trace:\n\t"
	traceEnd   = "\n\nGo runtime stack trace:"
	traceMore  = "... maybe followed by omitted frames"
)

// parseTrace reads the guest's stack from the text of wazero's error, its only form. Frames of functions
// added by the metering pass are left out. wazero is not given the names of a guest's functions: they may
// be long, and it would write them out for each frame.
func parseTrace(text string, names namer) (frames []Frame, more bool) {
	_, trace, ok := strings.Cut(text, traceStart)
	if !ok {
		return nil, false
	}
	trace, _, _ = strings.Cut(trace, traceEnd)
	for line := range strings.SplitSeq(trace, "\n\t") {
		if line == traceMore {
			more = true
		} else if frame, ok := names.frame(cutSignature(line)); ok {
			frames = append(frames, frame)
		}
	}
	return frames, more
}

// namer returns the frame of a function in a trace. ok is false for functions of the metering pass.
type namer interface {
	frame(traced string) (f Frame, ok bool)
}

// names says what a module's functions are called and where their code is.
type names struct {
	functions []meter.FunctionName // sorted by index in the original module
	imports   []string             // of the functions that the original module imports, as traces have them
	offsets   []uint32             // of the code of each function that the original module defines
}

func namesOf(info *meter.Info) names {
	n := names{functions: info.Names, offsets: info.CodeOffsets}
	for i := range info.Imports {
		if im := &info.Imports[i]; im.Kind == meter.FuncExtern {
			n.imports = append(n.imports, im.Module+"."+im.Name)
		}
	}
	return n
}

// frame returns the frame of a function in a trace, which has module.name for a function of a host module and
// .$index for one of the guest. ok is false for functions of the metering pass.
func (n names) frame(traced string) (f Frame, ok bool) {
	digits, ok := strings.CutPrefix(traced, ".$")
	if !ok {
		f, ok := hostFrame(traced)
		f.Index = uint32(max(slices.Index(n.imports, traced), 0))
		return f, ok
	}
	index, err := strconv.Atoi(digits)
	if err != nil {
		return Frame{Function: traced}, true
	}
	imported := len(n.imports)
	if index >= imported {
		index -= meter.AddedImports
	}
	if index >= imported+len(n.offsets) {
		return Frame{}, false
	}
	f.Index = uint32(index)
	if index >= imported {
		f.Offset = int64(n.offsets[index-imported])
	}
	at, ok := slices.BinarySearchFunc(n.functions, uint32(index), func(f meter.FunctionName, index uint32) int {
		return cmp.Compare(f.Index, index)
	})
	if ok {
		f.Function = n.functions[at].Name
	}
	return f, true
}

// hostFrame returns the frame of a function of the host.
func hostFrame(traced string) (f Frame, ok bool) {
	return Frame{Function: traced}, !strings.HasPrefix(traced, meter.HostModule+".")
}

// frame returns the frame of a function of a linked module, if it is one.
func (m *Module) frame(traced string) (f Frame, ours, ok bool) {
	rest, ours := strings.CutPrefix(traced, m.name)
	if !ours || !strings.HasPrefix(rest, ".$") {
		return Frame{}, false, false
	}
	f, ok = m.names.frame(rest)
	f.Module = m.original
	return f, true, ok
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

// name is the function's name, or its index in the module if it has none.
func (f Frame) name() string {
	if f.Function == "" {
		return "$" + strconv.Itoa(int(f.Index))
	}
	return f.Function
}

// writeFrames writes the frames for people who debug the daemon; what guests' owners get is made by the caller.
func writeFrames(b *strings.Builder, frames []Frame) {
	for len(frames) > 0 {
		times := 1 // in a row, as in a recursion
		for times < len(frames) && frames[times] == frames[0] {
			times++
		}
		fmt.Fprintf(b, "\n    at %s", printable(frames[0].name()))
		if times > 1 {
			fmt.Fprintf(b, " (%d times)", times)
		}
		frames = frames[times:]
	}
}

// printable bounds a name and replaces characters that would control a terminal.
func printable(s string) string {
	const most = 256
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	return clip.Text(s, most)
}
