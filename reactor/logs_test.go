package reactor

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func TestLogLimit(t *testing.T) {
	r := open(t)
	push(t, r, "flood")
	const limit = 100_000
	w := run(t, r, "w", api.Spec{Module: "flood", Limits: api.Limits{LogBytes: limit}})
	const wrote = 4096*16384 + 5
	if u := w.Status.Usage; u.LogBytes != wrote || u.LogBytesDropped != wrote-limit {
		t.Errorf("usage %+v", u)
	}
	text, dropped := readLog(t, r, api.LogRequest{ID: "w"})
	if text != strings.Repeat(".", limit-5)+"done\n" || dropped != wrote-limit {
		t.Errorf("%d bytes kept, %d dropped", len(text), dropped)
	}
	var missing []uint64
	position := uint64(0)
	err := r.ReadLogs(deadline(t), api.LogRequest{ID: "w"}, func(c api.LogChunk) error {
		if c.Missing > 0 {
			missing = append(missing, position, c.Missing)
		}
		if len(c.Data) > 0 && (c.Offset != position+c.Missing || c.Attempt != 1) {
			t.Errorf("a chunk of attempt %d at %d, after %d and %d that are missing", c.Attempt, c.Offset, position, c.Missing)
		}
		position = c.Offset + uint64(len(c.Data))
		return nil
	})
	if want := []uint64{limit / 16, wrote - limit}; err != nil || !slices.Equal(missing, want) || position != wrote {
		t.Errorf("missing %d, to %d, %v; want %d", missing, position, err, want)
	}
}

// TestLogBackpressure keeps more of a flood than there is memory for logs: all of it arrives.
func TestLogBackpressure(t *testing.T) {
	r := open(t, func(c *Config) { c.LogMemoryBytes = 1 << 20 })
	push(t, r, "flood")
	submit(t, r, "w", api.Spec{Module: "flood", Limits: api.Limits{LogBytes: 100 << 20}})
	var stdout, stderr int
	err := r.ReadLogs(deadline(t), api.LogRequest{ID: "w", Follow: true}, func(c api.LogChunk) error {
		switch {
		case c.Stream == api.Stdout && bytes.Count(c.Data, []byte{'.'}) == len(c.Data):
			stdout += len(c.Data)
		case c.Stream == api.Stderr && string(c.Data) == "done\n":
			stderr++
		default:
			t.Errorf("a chunk of stream %d with %d bytes", c.Stream, len(c.Data))
		}
		return nil
	})
	if err != nil || stdout != 4096*16384 || stderr != 1 {
		t.Errorf("followed %d bytes of stdout, %d runs of stderr, %v", stdout, stderr, err)
	}
	if text, dropped := readLog(t, r, api.LogRequest{ID: "w", Stream: api.Stderr}); text != "done\n" || dropped != 0 {
		t.Errorf("stderr is %q, dropped %d", text, dropped)
	}
	await(t, "no output is left in memory after the end", func() bool { return r.spool.Used() == 0 })
}

// TestLogTail reads the last lines of a workload that runs and of one that has ended.
func TestLogTail(t *testing.T) {
	r := open(t)
	push(t, r, "cat", "sleep")
	run(t, r, "ended", api.Spec{Module: "cat", Stdin: []byte("one\ntwo\nthree\nfour")})
	submit(t, r, "running", api.Spec{Module: "cat", Stdin: []byte("one\ntwo\nthree\n"), Interactive: true})
	awaitWaiting(t, r, "running")
	for _, tc := range []struct {
		id    string
		lines uint32
		want  string
	}{
		{"ended", 2, "three\nfour"},
		{"ended", 99, "one\ntwo\nthree\nfour"},
		{"ended", 0, ""},
		{"running", 2, "two\nthree\n"},
		{"running", 0, ""},
	} {
		if text, _ := readLog(t, r, api.LogRequest{ID: tc.id, TailLines: &tc.lines}); text != tc.want {
			t.Errorf("last %d lines of %s: %q, want %q", tc.lines, tc.id, text, tc.want)
		}
	}
}

// TestLogFollow follows a workload from before it starts to its end.
func TestLogFollow(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "nap")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	submit(t, r, "w", api.Spec{Module: "nap"})
	text := make(chan string)
	go func() {
		s, _ := readLog(t, r, api.LogRequest{ID: "w", Follow: true})
		text <- s
	}()
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"blocker"}}); err != nil {
		t.Fatal(err)
	}
	if got := <-text; got != "awake\n" {
		t.Errorf("followed %q", got)
	}
	stop := errors.New("stop")
	if err := r.ReadLogs(deadline(t), api.LogRequest{ID: "w"}, func(api.LogChunk) error { return stop }); err != stop {
		t.Errorf("ReadLogs = %v, want the error of send", err)
	}
	err := r.ReadLogs(deadline(t), api.LogRequest{ID: "nothing"}, func(api.LogChunk) error { return nil })
	wantClass(t, err, errs.WorkloadNotFound)
}
