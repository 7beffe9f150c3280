package cli

import (
	"fmt"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// shownCalls is how many lines of a guest's stack are printed after its output.
const shownCalls = 10

// tellWhereStack prints which command shows the stack of a guest that crashed.
func (a *app) tellWhereStack(w *reactorv1.Workload) {
	if len(w.GetStatus().GetCrash().GetFrames()) > 0 {
		fmt.Fprintf(a.Err, "  the stack: `reactorctl status %s`\n", w.GetId())
	}
}

// tellCrash prints, after a guest's output, where it crashed. What the guest itself said of it is in that output: most
// languages write a message before they trap.
func (a *app) tellCrash(w *reactorv1.Workload) {
	c := w.GetStatus().GetCrash()
	if c == nil {
		return
	}
	lines, complete := render.ShortStack(c, shownCalls)
	for _, line := range lines {
		fmt.Fprintf(a.Err, "    %s\n", line)
	}
	if !complete && w.GetId() != "" {
		fmt.Fprintf(a.Err, "    more of the stack: `reactorctl status %s`\n", w.GetId())
	}
	if c.GetTrap() == "unreachable" && c.GetCause() == "" && w.GetStatus().GetUsage().GetLogBytes() > 0 {
		fmt.Fprintln(a.Err, "  the guest's own message, if it wrote one, is in its output above")
	}
}
