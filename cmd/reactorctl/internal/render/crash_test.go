package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestStack(t *testing.T) {
	named := func(name string) *reactorv1.StackFrame { return &reactorv1.StackFrame{Function: name} }
	bare := &reactorv1.StackFrame{FunctionIndex: 7, CodeOffset: 0x1a2}
	for _, tt := range []struct {
		name     string
		crash    *reactorv1.Crash
		most     int
		want     []string
		complete bool
	}{
		{"none", nil, 10, nil, true},
		{"some", &reactorv1.Crash{Frames: []*reactorv1.StackFrame{named("f"), bare, named("a\x1b[31m")}}, 10,
			[]string{"at f", "at function 7 (code at 0x1a2)", `at a\u001b[31m`}, true},
		{"a recursion", &reactorv1.Crash{Frames: []*reactorv1.StackFrame{named("f"), named("g"), named("g"), named("g"), named("f")}}, 10,
			[]string{"at f", "at g (3 times)", "at f"}, true},
		{"many", &reactorv1.Crash{Frames: []*reactorv1.StackFrame{named("f"), named("g"), named("h")}}, 2, []string{"at f", "at g"}, false},
		{"more than were kept", &reactorv1.Crash{Frames: []*reactorv1.StackFrame{named("f")}, FramesOmitted: 1}, 2, []string{"at f"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines, complete := Stack(tt.crash, tt.most)
			if diff := cmp.Diff(tt.want, lines); diff != "" || complete != tt.complete {
				t.Errorf("complete %t, lines (-want +got):\n%s", complete, diff)
			}
		})
	}
}

// What Rust's panic handler calls, and what calls main, says nothing of the program.
func TestShortStack(t *testing.T) {
	named := func(names ...string) (frames []*reactorv1.StackFrame) {
		for _, name := range names {
			frames = append(frames, &reactorv1.StackFrame{Function: name})
		}
		return frames
	}
	for _, tt := range []struct {
		name   string
		frames []*reactorv1.StackFrame
		want   []string
	}{
		{"Rust", named("abort", "std::sys::backtrace::__rust_end_short_backtrace::<x>", "core::option::expect_failed", "shop::total", "std::sys::backtrace::__rust_begin_short_backtrace::<y>", "_start"),
			[]string{"at core::option::expect_failed", "at shop::total"}},
		{"no begin", named("abort", "__rust_end_short_backtrace", "f"), []string{"at f"}},
		{"nothing between", named("__rust_end_short_backtrace"), []string{"at __rust_end_short_backtrace"}},
		{"C", named("abort", "main"), []string{"at abort", "at main"}},
	} {
		lines, complete := ShortStack(&reactorv1.Crash{Frames: tt.frames}, 10)
		if diff := cmp.Diff(tt.want, lines); diff != "" || complete != (len(lines) == len(tt.frames)) {
			t.Errorf("%s: complete %t, lines (-want +got):\n%s", tt.name, complete, diff)
		}
	}
}
