package integration

import (
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// complete returns what reactorctl proposes for the last of its arguments, without descriptions.
func complete(t *testing.T, env []string, args ...string) (proposals []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactorctl"), append([]string{"__complete"}, args...)...)
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines[:len(lines)-1] { // the last one is for the shell
		proposal, _, _ := strings.Cut(line, "\t")
		proposals = append(proposals, proposal)
	}
	return proposals
}

// Ids, tags, states, contexts and labels are completed from what there is.
func TestCompletion(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	if _, err := d.TryPush(t.Context(), examples.Sleeper, "sleeper:v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TryPush(t.Context(), library(t), "library"); err != nil {
		t.Fatal(err)
	}
	for id, millis := range map[string]string{"done-1": "1", "busy-1": "3600000"} {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: id, Spec: &reactorv1.WorkloadSpec{
			Module: "sleeper:v1", Args: []string{"1", millis}, Labels: map[string]string{"app": "web", "tier": id},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	d.WaitFor(t, "done-1")
	until(t, "the other one waits", func() bool { return d.Status(t, "busy-1").GetState() == waiting })
	env := environment(t.TempDir(), "REACTORD_ADDR="+d.Address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "c"))
	set := exec.Command(testkit.Binary(t, "reactorctl"), "context", "set", "prod", "prod.example:7070")
	set.Env = env
	if out, err := set.CombinedOutput(); err != nil || !strings.Contains(string(out), "context prod added; it is the current one") {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"status", ""}, []string{"busy-1", "done-1"}},
		{[]string{"logs", "do"}, []string{"done-1"}},
		{[]string{"cancel", ""}, []string{"busy-1"}},
		{[]string{"wait", "done-1", ""}, []string{"busy-1"}},
		{[]string{"rm", ""}, []string{"done-1"}},
		{[]string{"module", "untag", ""}, []string{"library", "sleeper:v1"}},
		{[]string{"module", "untag", "sha256:"}, nil},
		{[]string{"run", ""}, []string{"library", "sleeper:v1"}},
		{[]string{"run", "./"}, nil},
		{[]string{"module", "inspect", "sl"}, []string{"sleeper:v1"}},
		{[]string{"module", "inspect", "sha256:"}, slices.Sorted(slices.Values([]string{testkit.Digest(examples.Sleeper), testkit.Digest(library(t))}))},
		{[]string{"module", "snapshot", "l"}, []string{"library"}},
		{[]string{"module", "snapshot", "library", "--invoke", "c"}, []string{"calls", "closes", "connects", "crashes"}},
		{[]string{"module", "snapshot", "--invoke", ""}, nil},
		{[]string{"list", "--state", ""}, []string{"cancelled", "failed", "pending", "running", "succeeded", "waiting"}},
		{[]string{"list", "--label", ""}, []string{"app=", "tier="}},
		{[]string{"cancel", "-l", "tier="}, []string{"tier=busy-1", "tier=done-1"}},
		{[]string{"list", "--module", "sl"}, []string{"sleeper:v1"}},
		{[]string{"list", "--module", testkit.Digest(examples.Sleeper)[:12]}, []string{testkit.Digest(examples.Sleeper)}},
		{[]string{"context", "use", ""}, []string{"prod"}},
		{[]string{"list", "--context", "p"}, []string{"prod"}},
	} {
		got := complete(t, env, tt.args...)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: proposed %q, want %q", tt.args, got, tt.want)
		}
	}
	d.Cancel(t, "busy-1")
}

// Where nobody answers, or never, nothing is proposed and nothing is said.
func TestCompletionWithoutDaemon(t *testing.T) {
	t.Parallel() // it waits most of the time
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for _, address := range []string{"unix:///nowhere/at/all", mute.Addr().String()} {
		env := environment(t.TempDir(), "REACTORD_ADDR="+address)
		for _, args := range [][]string{{"status", ""}, {"run", "m"}, {"list", "-l", ""}} {
			if got := complete(t, env, args...); len(got) > 0 {
				t.Errorf("at %s, %q: proposed %q", address, args, got)
			}
		}
	}
}

// The context commands check what they are given, and say what they did.
func TestContexts(t *testing.T) {
	home := t.TempDir()
	config := filepath.Join(home, "config")
	run := func(args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactorctl"), append([]string{"context"}, args...)...)
		cmd.Env = environment(home, "REACTORCTL_CONFIG="+config)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, tt := range []struct {
		args []string
		exit int
		want []string
	}{
		{[]string{"set", "prod", "prod.example"}, 125, []string{"is not an address"}},
		{[]string{"set", "prod", "unix:", "--token-file=/nowhere/t", "--tls-ca=/nowhere/c"}, 125, []string{"no path", "/nowhere/t"}},
		{[]string{"set", "a b", "prod.example:1"}, 125, []string{"without spaces"}},
		{[]string{"list", "-o", "json"}, 0, []string{"[]"}},
		{[]string{"set", "prod", "prod.example:7070"}, 0, []string{"context prod added; it is the current one"}},
		{[]string{"set", "here", "unix:///run/s"}, 0, []string{"context here added; `reactorctl context use here`"}},
		{[]string{"set", "here", "unix:///run/t"}, 0, []string{"context here changed"}},
		{[]string{"list"}, 0, []string{"*", "prod", "unix:///run/t"}},
		{[]string{"list", "-o", "json"}, 0, []string{`"name": "here"`, `"current": true`, `"address": "prod.example:7070"`}},
		{[]string{"use", "nowhere"}, 125, []string{"no context"}},
		{[]string{"use", "here"}, 0, []string{"context here, the daemon at unix:///run/t, is the current one"}},
		{[]string{"rm", "prod"}, 0, []string{"context prod removed\n"}},
		{[]string{"rm", "here"}, 0, []string{"context here removed; none is the current one"}},
	} {
		out, exit := run(tt.args...)
		if exit != tt.exit {
			t.Errorf("%q: status %d, want %d: %s", tt.args, exit, tt.exit, out)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q: %s\nshould say %q", tt.args, out, want)
			}
		}
	}
}
