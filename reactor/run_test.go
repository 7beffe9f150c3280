package reactor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// TestOutcomes runs guests that end in every way.
func TestOutcomes(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "fail", "spin", "sleep", "trap", "recurse", "add")
	for _, tc := range []struct {
		name    string
		spec    api.Spec
		state   api.State
		reason  api.Reason
		code    int // -1: none
		message []string
	}{
		{"hello", api.Spec{Module: "hello"}, api.Succeeded, api.ReasonExit, 0, nil},
		{"fail", api.Spec{Module: "fail"}, api.Failed, api.ReasonExit, 3, []string{"code 3"}},
		{"trap", api.Spec{Module: "trap"}, api.Failed, api.ReasonTrap, -1, []string{"unreachable"}},
		{"recurse", api.Spec{Module: "recurse"}, api.Failed, api.ReasonStackOverflow, -1, []string{"8 MiB (--stack)"}},
		{"fuel", api.Spec{Module: "spin", Limits: api.Limits{Fuel: 1_000_000}}, api.Failed, api.ReasonOutOfFuel, -1, []string{"1000000"}},
		{"deadline-waiting", api.Spec{Module: "sleep", Limits: api.Limits{Timeout: 20 * time.Millisecond}}, api.Failed, api.ReasonDeadline, -1, []string{"20ms"}},
		{"deadline-spinning", api.Spec{Module: "spin", Limits: api.Limits{Timeout: 20 * time.Millisecond}}, api.Failed, api.ReasonDeadline, -1, []string{"20ms"}},
		{"invoke", api.Spec{Module: "add", Invoke: "add", Args: []string{"40", "2"}}, api.Succeeded, api.ReasonExit, 0, nil},
		{"listener", api.Spec{Module: "hello", Grants: []grant.Grant{grant.Listener{Address: "192.0.2.1:1"}}}, api.Failed, api.ReasonGrantDenied, -1, []string{"192.0.2.1:1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := run(t, r, tc.name, tc.spec)
			s := w.Status
			if s.State != tc.state || s.Reason != tc.reason {
				t.Errorf("%v %v (%s), want %v %v", s.State, s.Reason, s.Message, tc.state, tc.reason)
			}
			switch {
			case tc.code < 0 && s.ExitCode != nil:
				t.Errorf("exit code %d, want none", *s.ExitCode)
			case tc.code >= 0 && (s.ExitCode == nil || *s.ExitCode != uint32(tc.code)):
				t.Errorf("exit code %v, want %d", s.ExitCode, tc.code)
			}
			for _, word := range tc.message {
				if !strings.Contains(s.Message, word) {
					t.Errorf("message %q does not say %q", s.Message, word)
				}
			}
			if s.Attempts != 1 || s.StartTime.Before(s.CreateTime) || s.EndTime.Before(s.StartTime) {
				t.Errorf("attempts %d, created %v, started %v, ended %v", s.Attempts, s.CreateTime, s.StartTime, s.EndTime)
			}
		})
	}
	for id, functions := range map[string][]string{"trap": {"inner", "outer"}, "recurse": {"down", "down"}} {
		crash := wait(t, r, id).Status.Crash
		if crash == nil || len(crash.Frames) < len(functions) {
			t.Errorf("%s: the crash is %+v", id, crash)
			continue
		}
		for i, want := range functions {
			if f := crash.Frames[i]; f.Function != want || f.CodeOffset == 0 {
				t.Errorf("%s: frame %d is %+v, want %s", id, i, f, want)
			}
		}
	}
	if w := wait(t, r, "invoke"); len(w.Status.Results) != 1 || w.Status.Results[0] != "1042" {
		t.Errorf("results %q, want 1042", w.Status.Results)
	}
	if w := wait(t, r, "fuel"); w.Status.Usage.Fuel < 1_000_000 || w.Status.Usage.Fuel > 1_200_000 || w.Status.Usage.CPUTime <= 0 {
		t.Errorf("usage %+v", w.Status.Usage)
	}
	if w := wait(t, r, "hello"); w.Status.Usage.PeakMemoryBytes < 64<<10 || w.Status.Usage.LogBytes != 6 {
		t.Errorf("usage %+v", w.Status.Usage)
	}
	awaitStats(t, r, "all are counted, and nothing is left", func(s api.Stats) bool {
		return s.Submitted == 9 && s.Succeeded == 2 && s.Failed == 7 && s.Pending+s.Running+s.Waiting+s.GuestMemoryBytes == 0
	})
}

// TestWaiting looks at a workload that waits: its state, its operations, its usage.
func TestWaiting(t *testing.T) {
	r := open(t)
	push(t, r, "sleep", "spin")
	submit(t, r, "sleeper", api.Spec{Module: "sleep"})
	submit(t, r, "spinner", api.Spec{Module: "spin"})
	awaitState(t, r, "sleeper", api.Running)
	awaitState(t, r, "spinner", api.Running)
	w := awaitWaiting(t, r, "sleeper")
	if ops := w.Status.WaitingFor; len(ops) != 1 || ops[0].Kind != api.OpKind(hostcalls.OpTimer) || ops[0].WorkloadID != "sleeper" ||
		ops[0].Deadline.Sub(ops[0].StartTime) < 59*time.Minute {
		t.Errorf("waiting for %+v", ops)
	}
	if w.Status.Usage.LogBytes != 7 || w.Status.Usage.PeakMemoryBytes < 64<<10 {
		t.Errorf("usage %+v", w.Status.Usage)
	}
	ops, next, err := r.ListOps(deadline(t), api.OpFilter{}, api.Page{})
	if err != nil || len(ops) != 1 || next != "" || ops[0].WorkloadID != "sleeper" {
		t.Errorf("ListOps = %+v, %q, %v", ops, next, err)
	}
	awaitStats(t, r, "one waits and one runs", func(s api.Stats) bool { return s.Waiting == 1 && s.Running == 1 && s.WaitingPeak >= 1 })
	for _, tt := range []struct {
		states []api.State
		want   []string
	}{
		{[]api.State{api.Running}, []string{"spinner"}},
		{[]api.State{api.Waiting}, []string{"sleeper"}},
		{[]api.State{api.Waiting, api.Running, api.Failed}, []string{"sleeper", "spinner"}},
		{[]api.State{api.Pending}, nil},
	} {
		if got := listed(t, r, api.Filter{States: tt.states}, api.Page{OldestFirst: true}); !slices.Equal(got, tt.want) {
			t.Errorf("the list of %v has %q, want %q", tt.states, got, tt.want)
		}
	}
}

// TestInputCounts: the input of guests that run is counted as their memory, so that it cannot fill
// the daemon's.
func TestInputCounts(t *testing.T) {
	r := open(t)
	push(t, r, "sleep")
	const input = 1 << 20
	submit(t, r, "sleeper", api.Spec{Module: "sleep", Stdin: make([]byte, input)})
	awaitWaiting(t, r, "sleeper")
	if used := r.Stats().GuestMemoryBytes; used < input {
		t.Errorf("%d bytes of guest memory in use", used)
	}
	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{Spec: api.Spec{
		Module: "sleep", Stdin: make([]byte, input), Limits: api.Limits{MemoryBytes: input},
	}})
	wantClass(t, err, errs.InvalidArgument, "input: 1048576")
}
