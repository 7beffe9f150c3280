package wasip1

import (
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
)

// TestConfined: a process in a sandbox can make the calls that are listed here, and no other.
func TestConfined(t *testing.T) {
	const (
		yes = iota + 1
		clock
		random
		exits
	)
	allowed := map[string]int{
		"args_get": yes, "args_sizes_get": yes, "environ_get": yes, "environ_sizes_get": yes, "sched_yield": yes,
		"fd_read": yes, "fd_write": yes, "fd_seek": yes, "fd_tell": yes, "fd_fdstat_get": yes, "fd_fdstat_set_flags": yes,
		"fd_filestat_get": yes, "fd_prestat_get": yes, "fd_prestat_dir_name": yes,
		"clock_res_get": yes, "clock_time_get": clock, "poll_oneoff": clock, "random_get": random,
		"proc_exit": exits, "proc_raise": exits,
	}
	seen := map[string]bool{}
	for _, f := range functions() {
		seen[f.name] = true
		for _, sandbox := range []abi.Sandbox{{}, {Clock: true}, {Random: true}} {
			wait, _ := startProcess(t, abi.Config{Sandbox: &sandbox}, func(c *caller) { c.confine(f.name, args{7, 0, 0, 0}) })
			err := wait()
			want := ""
			switch may := allowed[f.name]; {
			case may == yes, may == clock && sandbox.Clock, may == random && sandbox.Random:
			case may == exits:
				want = "it exited with status 7 instead of returning"
			default:
				want = "it called " + f.name
			}
			if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
				t.Errorf("%s in %+v: %v, want %q", f.name, sandbox, err, want)
			}
		}
	}
	for name := range confined {
		if !seen[name] || allowed[name] == 0 {
			t.Errorf("there is no call %s", name)
		}
	}
}
