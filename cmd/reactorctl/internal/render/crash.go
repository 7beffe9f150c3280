package render

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Stack describes the calls of a guest that crashed, one in a line, the innermost first. Calls of one function in a row
// share a line. complete is false if there were more calls than the lines tell, of which there are most at most.
func Stack(c *reactorv1.Crash, most int) (lines []string, complete bool) {
	lines, rest := describe(c.GetFrames(), most)
	return lines, rest == 0 && c.GetFramesOmitted() == 0
}

// ShortStack is Stack without the calls that a language has made of its own accord to end the program.
func ShortStack(c *reactorv1.Crash, most int) (lines []string, complete bool) {
	frames := own(c.GetFrames())
	lines, rest := describe(frames, most)
	return lines, rest == 0 && len(frames) == len(c.GetFrames()) && c.GetFramesOmitted() == 0
}

// own returns the calls between those with which Rust marks the beginning and the end of what its own backtraces show.
func own(frames []*reactorv1.StackFrame) []*reactorv1.StackFrame {
	from, to := 0, len(frames)
	for i, f := range frames {
		switch {
		case strings.Contains(f.GetFunction(), "__rust_end_short_backtrace"):
			from = i + 1
		case strings.Contains(f.GetFunction(), "__rust_begin_short_backtrace"):
			to = i
		}
	}
	if from >= to {
		return frames
	}
	return frames[from:to]
}

// describe describes frames in at most so many lines, and returns how many frames are left.
func describe(frames []*reactorv1.StackFrame, most int) (lines []string, rest int) {
	for len(frames) > 0 && len(lines) < most {
		times := 1
		for times < len(frames) && proto.Equal(frames[times], frames[0]) {
			times++
		}
		line := "at " + frame(frames[0])
		if times > 1 {
			line += fmt.Sprintf(" (%d times)", times)
		}
		lines, frames = append(lines, line), frames[times:]
	}
	return lines, len(frames)
}

// aboutCrash says where a guest crashed.
func aboutCrash(c *reactorv1.Crash) table.Pair {
	lines, complete := Stack(c, len(c.GetFrames()))
	if !complete {
		lines = append(lines, "and more, which were not kept")
	}
	return listed("stack", lines...)
}

// frame names a function; one without a name by its index, and by where tools that dump modules show its code.
func frame(f *reactorv1.StackFrame) string {
	if f.GetFunction() != "" {
		return printable.String(f.GetFunction())
	}
	return fmt.Sprintf("function %d (code at %#x)", f.GetFunctionIndex(), f.GetCodeOffset())
}
