package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// What the log does not have is told where it is missing, and --offset goes on from there.
func TestCtlLogsOfMuchOutput(t *testing.T) {
	c := newCtl(t, tool(t))
	d := c.daemon
	const lines, limit = 50_000, 100_000
	all := numbers(lines)
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, tool(t)), Args: []string{"lines", fmt.Sprint(lines)}, Limits: &reactorv1.Limits{LogBytes: limit},
	})
	d.WaitFor(t, id)
	head := limit / 16
	note := "\n... 2,688,890 bytes were not kept ...\n"
	if n := len(all) - limit; n != 2_688_890 {
		t.Fatalf("%d bytes are not kept", n)
	}
	tail := string(all[len(all)-limit+head:])
	for _, tc := range []struct {
		args     []string
		out, err string
	}{
		{nil, string(all[:head]) + tail, note},
		{[]string{"-f"}, string(all[:head]) + tail, note},
		{[]string{"--tail=1"}, tail[strings.LastIndex(tail[:len(tail)-1], "\n")+1:], ""},
		{[]string{"--offset", fmt.Sprint(len(all) - 5)}, tail[len(tail)-5:], ""},
		{[]string{"--since", "1h", "--offset", fmt.Sprint(head)}, tail, note[1:]},
		{[]string{"--since", time.Now().Add(time.Hour).Format(time.RFC3339)}, "", ""},
		{[]string{"--stream=stderr"}, "", note[1:]},
	} {
		out, errs, status := c.run(t, "", append([]string{"logs", id}, tc.args...)...)
		if status != 0 || out != tc.out || errs != tc.err {
			t.Errorf("logs %q: status %d, %d bytes, want %d; stderr %q, want %q", tc.args, status, len(out), len(tc.out), errs, tc.err)
		}
	}
}

// logs without -f ends at what was there when it was called, also while the guest writes as fast as it can.
func TestCtlLogsOfFlood(t *testing.T) {
	c := newCtl(t, tool(t))
	d := c.daemon
	const limit = 1 << 20
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, tool(t)), Args: []string{"lines", "1000000000"}, Limits: &reactorv1.Limits{LogBytes: limit},
	})
	until(t, "it has written much", func() bool {
		w, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: id})
		return err == nil && w.GetWorkload().GetStatus().GetUsage().GetLogBytes() > 2*limit
	})
	for range 5 {
		if out, errs, status := c.run(t, "", "logs", "--tail", "1", id); status != 0 || strings.Count(out, "\n") > 1 {
			t.Errorf("logs --tail 1: status %d, %d lines: %s", status, strings.Count(out, "\n"), errs)
		}
		if out, errs, status := c.run(t, "", "logs", id); status != 0 || out == "" || len(out) > limit {
			t.Errorf("logs: status %d, %d bytes: %s", status, len(out), errs)
		}
	}
	c.must(t, "cancel", id)
}

// The logs of several workloads are told apart, by their ids and by time.
func TestCtlLogsOfSeveral(t *testing.T) {
	c := newCtl(t, tool(t))
	d := c.daemon
	module := d.Push(t, tool(t))
	for _, id := range []string{"one", "three"} {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: id, Spec: &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"hello"}, Labels: map[string]string{"app": "hello"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		d.WaitFor(t, id)
	}
	for _, args := range [][]string{{"-l", "app=hello"}, {"-f", "-l", "app=hello"}, {"one", "three"}} {
		out, errs, status := c.run(t, "", append([]string{"logs", "--timestamps"}, args...)...)
		for _, id := range []string{"one  ", "three"} {
			line := regexp.MustCompile(`(?m)^` + id + ` \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S+ args \[\]$`)
			if status != 0 || len(line.FindAllString(out, -1)) != 1 || !strings.Contains(errs, id+" | 20") {
				t.Errorf("logs %q: status %d\n%s%s", args, status, out, errs)
			}
		}
	}
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"-l", "app=none"}, "no workload has the labels"},
		{[]string{"-l", "app=hello", "one"}, "either ids or --label"},
		{[]string{"one", "--since=soon", "--tail=-1", "--stream=3"}, "--since \"soon\""},
		{[]string{"one", "--tail=2", "--offset=1"}, "--tail or --offset"},
		{[]string{"one", "three", "-o", "json"}, "the log of one"},
	} {
		if _, errs, status := c.run(t, "", append([]string{"logs"}, tc.args...)...); status == 0 || !strings.Contains(errs, tc.says) {
			t.Errorf("logs %q: status %d, %q", tc.args, status, errs)
		}
	}
}

// synced is a buffer that a command writes to while a test reads it.
type synced struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.String()
}

// logs -f goes on when the daemon is back, with each byte once, and tells of the next attempt.
func TestCtlLogsOverRestart(t *testing.T) {
	dir, socket := testkit.DataDir(t, tool(t)), "unix://"+filepath.Join(t.TempDir(), "reactord.sock")
	start := func() *testkit.Daemon { return testkit.Start(t, dir, "--listen="+socket, "--grace-period=none") }
	d := start()
	c := ctl{daemon: d, env: append(os.Environ(), "REACTORD_ADDR="+socket, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"sleep", "1h"}})
	cmd := c.command(t, "logs", "-f", id)
	var out, errs synced
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	said := "going to sleep\n"
	until(t, "the first attempt writes", func() bool { return out.String() == said })
	d.Stop()
	until(t, "it says that the daemon is gone", func() bool { return strings.Contains(errs.String(), "is gone") })
	d = start()
	until(t, "the second attempt writes", func() bool { return out.String() == said+said })
	until(t, "it says that the daemon is back", func() bool { return strings.Contains(errs.String(), "is back") })
	until(t, "it says which attempt it is", func() bool { return strings.Contains(errs.String(), "--- attempt 2 ---\n") })
	d.Cancel(t, id)
	if err := <-ended; err != nil || out.String() != said+said {
		t.Errorf("it ends with %v, and has printed %q", err, out.String())
	}
	// An interrupt ends it, and nothing else.
	id = d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"sleep", "1h"}})
	cmd = c.command(t, "logs", "-f", id)
	var again synced
	cmd.Stdout = &again
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it follows", func() bool { return again.String() == said })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("interrupted: %v", err)
	}
	until(t, "the workload goes on", func() bool { return d.Status(t, id).GetState() == waiting })
	d.Cancel(t, id)
}
