package integration

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

// started waits until the workloads with some ids have started.
func (c ctl) started(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		until(t, id+" runs", func() bool { return c.daemon.Status(t, id).GetStartTime() != nil })
	}
}

// A command that is refused, since others have its ids, cancels only what it has created itself.
func TestRefusedLeavesOthers(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	sleeps := file + " sleep 1h"
	c.must(t, "submit", "-l", "case=theirs", "--id", "chain", "--pipe-to", sleeps, "--pipe-to", sleeps, file, "sleep", "1h")
	c.must(t, "submit", "-l", "case=theirs", "--id", "k", "--count", "3", file, "sleep", "1h")
	theirs := []string{"chain-0", "chain-1", "chain-2", "k-0", "k-1", "k-2"}
	c.started(t, theirs...)
	for _, tt := range []struct {
		name    string
		args    []string
		says    string
		created []string
	}{
		{"another stage", []string{"submit", "-l", "case=theirs", "--id", "chain", "--pipe-to", file + " sleep 2h", "--pipe-to", sleeps, file, "sleep", "1h"}, "2 of 3 workloads were submitted, 2 of them before: chain-1 was refused", nil},
		{"another stage, in run", []string{"run", "-l", "case=theirs", "--id", "chain", "--pipe-to", file + " sleep 2h", "--pipe-to", sleeps, file, "sleep", "1h"}, "was refused", nil},
		{"a longer chain", []string{"submit", "-l", "case=theirs", "--id", "chain", "--pipe-to", sleeps, "--pipe-to", sleeps, "--pipe-to", sleeps, file, "sleep", "1h"}, "2 of 4 workloads were submitted, 2 of them before: chain-2 was refused", nil},
		{"many, in run", []string{"run", "-l", "case=theirs", "--id", "k", "--count", "5", file, "sleep", "2h"}, "cancelled 2 of 5 workloads", []string{"k-3", "k-4"}},
		{"many, in submit", []string{"submit", "-l", "case=theirs", "--id", "k", "--count", "3", file, "sleep", "2h"}, "see it with `reactorctl status k-0`; choose another --id", nil},
	} {
		_, stderr, status := c.run(t, "", tt.args...)
		if status != 125 || !strings.Contains(stderr, tt.says) {
			t.Errorf("%s: status %d, %q does not say %q", tt.name, status, stderr, tt.says)
		}
		if strings.Contains(stderr, "submit the rest") {
			t.Errorf("%s: under this id the rest would be refused, too: %s", tt.name, stderr)
		}
		left := c.unfinished(t, "case=theirs")
		if slices.Sort(left); !slices.Equal(left, theirs) {
			t.Errorf("%s: %q run, want %q: %s", tt.name, left, theirs, stderr)
		}
		for _, id := range tt.created {
			if state := c.daemon.Status(t, id).GetState(); state != cancelled {
				t.Errorf("%s: %s is %v", tt.name, id, state)
			}
		}
	}
}

// A run that follows workloads which were there before leaves them when it is interrupted.
func TestInterruptLeavesEarlier(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	for name, args := range map[string][]string{
		"one":   {file, "ticks", "1000000", "7"},
		"chain": {"--pipe-to", file + " cat", file, "ticks", "1000000", "7"},
	} {
		args = append([]string{"run", "-l", "case=" + name, "--id", name}, args...)
		first := c.follow(t, nil, args...)
		until(t, name+" ticks", func() bool { return first.out.String() != "" })
		if err := first.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		first.ended()
		before := c.unfinished(t, "case="+name)
		again := c.follow(t, nil, args...)
		until(t, name+" is followed again", func() bool { return again.out.String() != "" })
		if err := again.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if status, errs := again.ended(), again.errs.String(); status != 130 || !strings.Contains(errs, "which existed before this command") {
			t.Errorf("%s: status %d: %s", name, status, errs)
		}
		left := c.unfinished(t, "case="+name)
		if len(before) == 0 || !slices.Equal(left, before) {
			t.Errorf("%s: %q run, before %q: %s", name, left, before, again.errs.String())
		}
	}
}
