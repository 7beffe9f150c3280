package reactor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

// chain makes the requests of workloads that are joined by pipes, each with the id of its place.
func chain(name string, specs ...api.Spec) []api.SubmitRequest {
	id := func(i int) string { return fmt.Sprintf("%s-%d", name, i) }
	reqs := make([]api.SubmitRequest, len(specs))
	for i, spec := range specs {
		if i > 0 {
			spec.StdinFrom = id(i - 1)
		}
		if i < len(specs)-1 {
			spec.StdoutTo = id(i + 1)
		}
		reqs[i] = api.SubmitRequest{ID: id(i), Spec: spec}
	}
	return reqs
}

// submitAll submits workloads together.
func submitAll(t testing.TB, r *Reactor, reqs []api.SubmitRequest) {
	t.Helper()
	results, err := r.SubmitWorkloads(deadline(t), reqs)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range results {
		if res.Err != nil {
			t.Fatalf("%s: %v", res.ID, res.Err)
		}
	}
}

// cancelOne cancels a workload.
func cancelOne(t testing.TB, r *Reactor, id string) {
	t.Helper()
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{id}}); err != nil {
		t.Fatal(err)
	}
}

func TestChain(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat")
	submitAll(t, r, chain("c", api.Spec{Module: "hello"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"}))
	for i := range 5 {
		id := fmt.Sprintf("c-%d", i)
		if w := wait(t, r, id); w.Status.State != api.Succeeded {
			t.Errorf("%s: %+v", id, w.Status)
		}
		text, _ := readLog(t, r, api.LogRequest{ID: id})
		if i < 4 && text != "" || i == 4 && text != "hello\n" {
			t.Errorf("%s wrote %q", id, text)
		}
	}
}

// Each waits for the other, whichever is submitted first, and its status says so.
func TestPartnerComesLater(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat")
	for i, order := range [][2]int{{0, 1}, {1, 0}} {
		reqs := chain(fmt.Sprint("late", i), api.Spec{Module: "hello"}, api.Spec{Module: "cat"})
		first, second := reqs[order[0]], reqs[order[1]]
		submit(t, r, first.ID, first.Spec)
		op := awaitWaiting(t, r, first.ID).Status.WaitingFor[0]
		if kind := [...]hostcalls.OpKind{hostcalls.OpWrite, hostcalls.OpRead}[i]; op.Kind != api.OpKind(kind) || op.Target != "workload "+second.ID {
			t.Errorf("%s waits for %+v", first.ID, op)
		}
		submit(t, r, second.ID, second.Spec)
		for _, req := range reqs {
			if w := wait(t, r, req.ID); w.Status.State != api.Succeeded {
				t.Errorf("%s: %+v", req.ID, w.Status)
			}
		}
		if text, _ := readLog(t, r, api.LogRequest{ID: reqs[1].ID}); text != "hello\n" {
			t.Errorf("%q", text)
		}
	}
}

// What a workload learns of the end of its partner.
func TestPartnerEnds(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat", "fail", "trap", "spin")
	for _, tt := range []struct {
		name             string
		writer, reader   api.Spec
		cancel           int // which is cancelled; -1: none
		writerAs, readAs api.Reason
		who              int // who is told
		message          string
	}{
		{"the writer exits with an error", api.Spec{Module: "fail"}, api.Spec{Module: "cat"}, -1, api.ReasonExit, api.ReasonExit, 0, "the guest exited with code 3"},
		{"the writer traps", api.Spec{Module: "trap"}, api.Spec{Module: "cat"}, -1, api.ReasonTrap, api.ReasonTrap, 1, "its pipe with workload %[1]s broke: workload %[1]s did not end by itself"},
		{"the writer is cancelled", api.Spec{Module: "spin"}, api.Spec{Module: "cat"}, 0, api.ReasonCancelled, api.ReasonTrap, 1, "its pipe with workload %[1]s broke: workload %[1]s "}, // did not end by itself, or had ended before the reader started
		{"the reader ends early", api.Spec{Module: "cat", Stdin: make([]byte, 1<<18)}, api.Spec{Module: "fail"}, -1, api.ReasonTrap, api.ReasonExit, 0, "its pipe with workload %[2]s broke: workload %[2]s has ended"},
		{"the reader is cancelled", api.Spec{Module: "cat", Interactive: true, Stdin: []byte("x")}, api.Spec{Module: "spin"}, 1, api.ReasonCancelled, api.ReasonCancelled, 0, ""},
	} {
		name := strings.ReplaceAll(tt.name, " ", "-")
		reqs := chain(name, tt.writer, tt.reader)
		submitAll(t, r, reqs)
		if tt.cancel >= 0 {
			if tt.writer.Interactive { // what it writes later would break the pipe
				awaitStatus(t, r, reqs[0].ID, "has written and reads", func(s *api.Status) bool {
					return len(s.WaitingFor) > 0 && s.WaitingFor[0].Kind == api.OpKind(hostcalls.OpRead)
				})
			}
			cancelOne(t, r, reqs[tt.cancel].ID)
			if tt.cancel == 1 {
				cancelOne(t, r, reqs[0].ID)
			}
		}
		got := [2]*api.Workload{wait(t, r, reqs[0].ID), wait(t, r, reqs[1].ID)}
		if got[0].Status.Reason != tt.writerAs || got[1].Status.Reason != tt.readAs {
			t.Errorf("%s: %v: %q, %v: %q", tt.name, got[0].Status.Reason, got[0].Status.Message, got[1].Status.Reason, got[1].Status.Message)
		}
		want := tt.message
		if strings.Contains(want, "%") {
			want = fmt.Sprintf(want, reqs[0].ID, reqs[1].ID)
			want, _, _ = strings.Cut(want, "%!")
		}
		if !strings.Contains(got[tt.who].Status.Message, want) {
			t.Errorf("%s: %q does not say %q", tt.name, got[tt.who].Status.Message, want)
		}
	}
	await(t, "no workload is left", func() bool { return r.runner.Stats().Live == 0 })
}

// A stage that is sent back to the queue for the node's memory keeps its place in the chain, unless it has used its pipes:
// what it has read is gone then, and all are told.
func TestStageIsSentBack(t *testing.T) {
	const node = 11<<20 + 350<<10 // for eleven steps and a guest that holds two pages, but not for another one
	for _, used := range []bool{false, true} {
		t.Run(fmt.Sprint("used ", used), func(t *testing.T) {
			r := open(t, func(c *Config) { c.MemoryBytes = node })
			push(t, r, "steps", "cat")
			stages := chain("c", api.Spec{Module: "cat", Interactive: true}, api.Spec{Module: "steps"})
			submitAll(t, r, stages[:1])
			head := attach(t, r, "c-0")
			submit(t, r, "older", api.Spec{Module: "steps", Interactive: true})
			older := attach(t, r, "older")
			awaitWaiting(t, r, "older")
			submitAll(t, r, stages[1:])
			awaitWaiting(t, r, "c-1")
			if used {
				send(t, head, "123456")
				awaitLog(t, r, "c-1", "......")
				send(t, older, "1234567")
			} else {
				send(t, older, "12345678901")
			}
			if d := awaitDelay(t, r, "c-1").Status.Delay; d.Reason.String() != "NODE_MEMORY" {
				t.Errorf("delayed: %+v", d)
			}
			older.CloseWrite()
			if w := wait(t, r, "older"); w.Status.State != api.Succeeded {
				t.Errorf("the older: %+v", w.Status)
			}
			if used {
				const why = "its pipe with workload c-0 broke: workload c-1 was sent back to the queue, for the node's memory, after it had used the pipe"
				if w := wait(t, r, "c-1"); w.Status.State != api.Failed || !strings.Contains(w.Status.Message, why) {
					t.Errorf("the stage: %+v", w.Status)
				}
				return
			}
			send(t, head, "12")
			head.CloseWrite()
			for i, id := range []string{"c-0", "c-1"} {
				if w := wait(t, r, id); w.Status.State != api.Succeeded || int(w.Status.Attempts) != 1+i {
					t.Errorf("%s: %+v", id, w.Status)
				}
			}
			if text, _ := readLog(t, r, api.LogRequest{ID: "c-1"}); text != ".." {
				t.Errorf("it wrote %q", text)
			}
		})
	}
}

func TestPipeRefused(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat", "sleep")
	submit(t, r, "plain", api.Spec{Module: "cat", Interactive: true})
	submit(t, r, "taken", api.Spec{Module: "cat", StdinFrom: "other"})
	run(t, r, "ended", api.Spec{Module: "cat", Stdin: nil})
	submit(t, r, "a", api.Spec{Module: "cat", StdinFrom: "c", StdoutTo: "b"})
	submit(t, r, "b", api.Spec{Module: "cat", StdinFrom: "a", StdoutTo: "c"})
	for _, tt := range []struct {
		name, id string
		spec     api.Spec
		words    []string
	}{
		{"itself", "x", api.Spec{StdoutTo: "x", StdinFrom: "x"}, []string{"spec.stdout_to: is the workload itself", "spec.stdin_from: is the workload itself"}},
		{"back and forth", "x", api.Spec{StdoutTo: "y", StdinFrom: "y"}, []string{`spec.stdin_from: "y" is stdout_to, too`}},
		{"two inputs", "x", api.Spec{StdinFrom: "y", Stdin: []byte("z"), Interactive: true}, []string{"spec.stdin: ", "spec.interactive: "}},
		{"no id", "x", api.Spec{StdinFrom: "../y", StdoutTo: "a b"}, []string{"spec.stdout_to: \"a b\" is not an id", "spec.stdin_from: \"../y\" is not an id"}},
		{"one that was submitted without", "x", api.Spec{StdoutTo: "plain"}, []string{`spec.stdout_to: workload "plain" was submitted without stdin_from`}},
		{"one that has another", "x", api.Spec{StdoutTo: "taken"}, []string{`spec.stdout_to: workload "taken" has "other" as its stdin_from`}},
		{"both", "x", api.Spec{StdoutTo: "taken", StdinFrom: "plain"}, []string{"spec.stdout_to: ", `spec.stdin_from: workload "plain" was submitted without stdout_to`}},
		{"a cycle", "c", api.Spec{StdinFrom: "b", StdoutTo: "a"}, []string{"spec.stdout_to: the pipes lead back to the workload itself"}},
	} {
		tt.spec.Module = "cat"
		_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: tt.id, Spec: tt.spec})
		t.Run(tt.name, func(t *testing.T) { wantClass(t, err, errs.InvalidArgument, tt.words...) })
	}
	reqs := chain("ring", api.Spec{Module: "cat"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"})
	reqs[2].Spec.StdoutTo, reqs[0].Spec.StdinFrom = reqs[0].ID, reqs[2].ID
	results, err := r.SubmitWorkloads(deadline(t), reqs)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range results {
		wantClass(t, res.Err, errs.InvalidArgument, "lead back")
	}

	submitAll(t, r, chain("done", api.Spec{Module: "hello"}, api.Spec{Module: "cat"}))
	wait(t, r, "done-1")
	w, created, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "done-1", Spec: api.Spec{Module: "cat", StdinFrom: "done-0"}})
	if err != nil || created || w.ID != "done-1" {
		t.Errorf("a repeated submission: %v, %v", created, err)
	}
	run(t, r, "silent", api.Spec{Module: "cat"})
	for _, id := range []string{"plain", "taken", "a", "b"} {
		cancelOne(t, r, id)
	}
}

// A writer that writes nothing and has ended is waited for no more, but its reader may still come.
func TestSilentWriterEndsFirst(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat")
	reqs := chain("silent", api.Spec{Module: "cat"}, api.Spec{Module: "cat"})
	submit(t, r, reqs[0].ID, reqs[0].Spec)
	wait(t, r, reqs[0].ID)
	if w := run(t, r, reqs[1].ID, reqs[1].Spec); w.Status.State != api.Succeeded {
		t.Errorf("%+v", w.Status)
	}
	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "another", Spec: api.Spec{Module: "cat", StdinFrom: reqs[0].ID}})
	wantClass(t, err, errs.InvalidArgument, "has \"silent-1\" as its stdout_to")
	if err := r.DeleteWorkload(deadline(t), reqs[1].ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: reqs[1].ID, Spec: reqs[1].Spec})
	wantClass(t, err, errs.WorkloadFinished, "workload \"silent-0\" has ended")
}

// A chain that is stopped with the daemon starts again as a whole; a part of it does not go on with what is left.
func TestChainRestarted(t *testing.T) {
	dir := t.TempDir()
	first := openIn(t, dir)
	push(t, first, "hello", "cat", "fail")
	// The head has ended, the middle waits for what the tail does not read.
	submitAll(t, first, chain("whole", api.Spec{Module: "cat", Interactive: true, Stdin: []byte("abc")}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"}))
	submitAll(t, first, chain("half", api.Spec{Module: "hello"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat", StdoutTo: "nobody"}))
	awaitLog(t, first, "whole-2", "abc")
	wait(t, first, "half-1")
	awaitStatus(t, first, "half-2", "writes", func(s *api.Status) bool {
		return len(s.WaitingFor) > 0 && s.WaitingFor[0].Kind == api.OpKind(hostcalls.OpWrite)
	})
	shutdown(t, first)

	second := openIn(t, dir)
	for _, id := range []string{"whole-0", "whole-1", "whole-2"} {
		awaitStatus(t, second, id, "is started again", func(s *api.Status) bool { return s.Attempts == 2 })
	}
	awaitLog(t, second, "whole-2", "abcabc")
	if w := wait(t, second, "half-2"); w.Status.Reason != api.ReasonTrap || !strings.Contains(w.Status.Message, "workload half-1 had ended") {
		t.Errorf("%+v", w.Status)
	}
	cancelOne(t, second, "whole-0")
	for _, id := range []string{"whole-1", "whole-2"} {
		if w := wait(t, second, id); w.Status.Reason != api.ReasonTrap || !strings.Contains(w.Status.Message, "broke") {
			t.Errorf("%+v", w.Status)
		}
	}
}

// A thousand chains at once.
func TestManyChains(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "cat")
	const chains = 1000
	for i := range chains {
		submitAll(t, r, chain(fmt.Sprint("m", i), api.Spec{Module: "hello"}, api.Spec{Module: "cat"}, api.Spec{Module: "cat"}))
	}
	for i := range chains {
		id := fmt.Sprintf("m%d-2", i)
		if w := wait(t, r, id); w.Status.State != api.Succeeded {
			t.Fatalf("%s: %+v", id, w.Status)
		}
		if text, _ := readLog(t, r, api.LogRequest{ID: id}); text != "hello\n" {
			t.Fatalf("%s: %q", id, text)
		}
	}
}
