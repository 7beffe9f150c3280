package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestRunExitsAsTheWorkload(t *testing.T) {
	const (
		succeeded = reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED
		failed    = reactorv1.WorkloadState_WORKLOAD_STATE_FAILED
		cancelled = reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED
	)
	for _, c := range []struct {
		end  *reactorv1.WorkloadStatus
		want int
	}{
		{ended(reactorv1.EndReason_END_REASON_EXIT, succeeded, 0), 0},
		{ended(reactorv1.EndReason_END_REASON_EXIT, failed, 3), 3},
		{ended(reactorv1.EndReason_END_REASON_EXIT, failed, 256), 1},
		{ended(reactorv1.EndReason_END_REASON_DEADLINE, failed, 0), 124},
		{ended(reactorv1.EndReason_END_REASON_INTERNAL, failed, 0), 125},
		{ended(reactorv1.EndReason_END_REASON_GRANT_DENIED, failed, 0), 125},
		{ended(reactorv1.EndReason_END_REASON_CANCELLED, cancelled, 0), 130},
		{ended(reactorv1.EndReason_END_REASON_TRAP, failed, 0), 134},
		{ended(reactorv1.EndReason_END_REASON_OUT_OF_FUEL, failed, 0), 134},
	} {
		start(t, &daemon{end: c.end})
		status, out, errs := ctl(t, "", "run", "some-tag")
		if status != c.want || out != "out\n" || !strings.Contains(errs, "err\n") {
			t.Errorf("%v: status %d, want %d; stdout %q, stderr %q", c.end, status, c.want, out, errs)
		}
		if said := strings.Contains(errs, "because"); said != (c.want != 0) {
			t.Errorf("%v: stderr %q", c.end, errs)
		}
	}
}

// What was not delivered is told, and is no success.
func TestRunLosesOutput(t *testing.T) {
	for code, want := range map[uint32]int{0: exitError, 3: 3} {
		start(t, &daemon{lost: 7, end: ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, code)})
		if status, out, errs := ctl(t, "", "run", "tag"); status != want || out != "out\n" || !strings.Contains(errs, "7 bytes of the output") {
			t.Errorf("code %d: status %d, want %d; stdout %q, stderr %q", code, status, want, out, errs)
		}
	}
}

// The formats for programs do not touch the guest's output.
func TestRunPrintsJSON(t *testing.T) {
	start(t, &daemon{end: ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, 3)})
	status, out, errs := ctl(t, "", "run", "-o", "json", "--id", "w1", "tag")
	var w struct{ ID string }
	err := json.Unmarshal([]byte(strings.TrimPrefix(errs, "err\n")), &w)
	if status != 3 || out != "out\n" || err != nil || w.ID != "w1" {
		t.Errorf("status %d, stdout %q, stderr %q, %v", status, out, errs, err)
	}
}

// TestRunInterruptedWhileSubmitting: what the daemon has got already is cancelled, though its answer comes
// after the interrupt; and no more is submitted.
func TestRunInterruptedWhileSubmitting(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
	}{
		{nil, 1},
		{[]string{"--count", "2500"}, 1000},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		d := &daemon{onSubmit: interrupt}
		start(t, d)
		var out, errs bytes.Buffer
		args := append(append([]string{"run"}, tt.args...), "tag")
		status := Main(ctx, args, Stdio{In: strings.NewReader(""), Out: &out, Err: &errs})
		if status != exitCancelled || len(d.cancelled) != tt.want || !strings.Contains(errs.String(), "interrupted; cancelled") {
			t.Errorf("run %q: status %d, %d cancelled, want %d: %s", tt.args, status, len(d.cancelled), tt.want, errs.String())
		}
	}
}

func TestRunInteractive(t *testing.T) {
	start(t, &daemon{end: ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, 9)})
	if status, out, errs := ctl(t, "hello", "run", "-i", "tag"); status != 9 || out != "out\nHELLO" {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
}

func TestWaitOrDetach(t *testing.T) {
	start(t, &daemon{end: ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, 3)})
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"submit", "--id", "w1", "tag"}, 0, "w1\n"},
		{[]string{"submit", "--id", "w1", "--detach", "tag"}, 0, "w1\n"},
		{[]string{"submit", "--id", "w1", "--wait", "tag"}, 3, "w1 failed (exit 3): because\n"},
		{[]string{"submit", "--id", "w1", "--detach=false", "tag"}, 3, "w1 failed (exit 3): because\n"},
		{[]string{"run", "--id", "w1", "tag"}, 3, "out\n"},
		{[]string{"run", "--id", "w1", "--wait", "tag"}, 3, "out\n"},
		{[]string{"run", "--id", "w1", "-d", "tag"}, 0, "w1\n"},
		{[]string{"run", "--id", "w1", "--wait=false", "tag"}, 0, "w1\n"},
		{[]string{"run", "--id", "w1", "--wait", "--detach", "tag"}, exitError, ""},
	} {
		if status, out, errs := ctl(t, "", c.args...); status != c.status || out != c.out {
			t.Errorf("%q: status %d, stdout %q, stderr %q", c.args, status, out, errs)
		}
	}
}

// Whichever call the time of `wait --timeout` ends, the command says what has not ended. No call hands that time to the
// daemon, whose answer that it is over could come first.
func TestWaitTimesOut(t *testing.T) {
	never := func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); ok {
			t.Error("the daemon is told of the time")
		}
		<-ctx.Done()
		return ctx.Err()
	}
	only := func(late string) func(context.Context, string) error {
		return func(ctx context.Context, id string) error {
			if id != late {
				return nil
			}
			return never(ctx)
		}
	}
	wait := []string{"wait", "--timeout", "300ms"}
	for _, c := range []struct {
		name string
		d    *daemon
		args []string
		want string
	}{
		{"the list", &daemon{onList: never}, []string{"-l", "app=web"}, "those with the labels app=web"},
		{"the first look", &daemon{onGet: only("a")}, []string{"a", "b", "c", "d", "e", "f"}, "a, b, c, d, e and perhaps 1 more"},
		{"the wait", &daemon{onWait: never}, []string{"a"}, "a"},
		{"a later look", &daemon{onGet: only("b")}, []string{"a", "b"}, `(a, )?b`}, // 300 ms may be too short for a
	} {
		t.Run(c.name, func(t *testing.T) {
			c.d.end = ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED, 0)
			start(t, c.d)
			status, _, errs := ctl(t, "", append(wait, c.args...)...)
			if status != exitDeadline || !regexp.MustCompile(`^reactorctl: not ended after 300ms: `+c.want+`\n$`).MatchString(errs) {
				t.Errorf("status %d: %s", status, errs)
			}
		})
	}
}

func TestPushResumes(t *testing.T) {
	d := &daemon{have: 4}
	start(t, d)
	file := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(file, []byte("\x00asm and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := ctl(t, "", "module", "push", file)
	if status != 0 || !strings.HasPrefix(out, "sha256:") || string(d.pushed) != " and more" {
		t.Errorf("status %d, stdout %q, stderr %q, pushed %q", status, out, errs, d.pushed)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	withDetails := func(code codes.Code, message string, details ...protoadapt.MessageV1) error {
		st, err := status.New(code, message).WithDetails(details...)
		if err != nil {
			t.Fatal(err)
		}
		return st.Err()
	}
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"field violations", withDetails(codes.InvalidArgument, "the workload is not valid", &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "spec.name", Description: "has a control character"}},
		}), []string{"the workload is not valid", "--name: has a control character"}},
		{"retry", withDetails(codes.ResourceExhausted, "the queue is full", &errdetails.ErrorInfo{Reason: "QUEUE_FULL"}, &errdetails.RetryInfo{}),
			[]string{"the queue is full", "try again in"}},
		{"hint", withDetails(codes.NotFound, "no module x", &errdetails.ErrorInfo{Reason: "MODULE_NOT_FOUND"}),
			[]string{"no module x", "reactorctl module push"}},
		{"another version", status.Error(codes.Unimplemented, "unknown method"), []string{"another version"}},
	} {
		start(t, &daemon{submit: c.err})
		status, _, errs := ctl(t, "", "submit", "tag")
		for _, want := range c.want {
			if status != exitError || !strings.Contains(errs, want) {
				t.Errorf("%s: status %d, stderr %q, want %q", c.name, status, errs, want)
			}
		}
	}
}

// TestFaultIsToldOnce: the daemon's message names the fields at fault, and so do the details.
func TestFaultIsToldOnce(t *testing.T) {
	st, err := status.New(codes.InvalidArgument, "id: is too long; spec.name: is too long").WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "id", Description: "is too long"}, {Field: "spec.name", Description: "is too long"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, &daemon{submit: st.Err()})
	if _, _, errs := ctl(t, "", "submit", "tag"); strings.Count(errs, "--name: is too long") != 1 || strings.Contains(errs, "spec.") {
		t.Errorf("stderr %q", errs)
	}
}

// TestForgottenDotSlash: a Go package's folder is a path only if it begins as one.
func TestForgottenDotSlash(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("hello", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"main.go", filepath.Join("hello", "main.go")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, &daemon{submit: status.Error(codes.NotFound, "there is no such module")})
	for module, want := range map[string]string{"hello": "write ./hello", "main.go": "folder of its package, .", "hello/main.go": "folder of its package, ./hello", "other": "there is no such module"} {
		if status, _, errs := ctl(t, "", "run", module); status != exitError || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, stderr %q, want %q", module, status, errs, want)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REACTORCTL_CONFIG", filepath.Join(t.TempDir(), "ctl.yaml"))
	status, _, errs := ctl(t, "", "list", "--addr", address)
	if status != exitError || !strings.Contains(errs, "no daemon answers at "+address) || !strings.Contains(errs, "start one with `reactord`") {
		t.Errorf("status %d, stderr %q", status, errs)
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("REACTORCTL_CONFIG", filepath.Join(t.TempDir(), "ctl.yaml"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--nope"}, "unknown flag --nope; see `reactorctl run --help`"},
		{[]string{"run", "--memroy", "1", "--fuel", "some", "--timeout=3"}, "3 faults; see `reactorctl run --help`\n  unknown flag --memroy: did you mean --memory?\n  --fuel: \"some\" is not"},
		{[]string{"kill", "w"}, "unknown command \"kill\": see `reactorctl cancel`"},
		{[]string{"describe", "w"}, "see `reactorctl status`"},
		{[]string{"push", "x"}, "see `reactorctl module push`"},
		{[]string{"images"}, "see `reactorctl module list`"},
		{[]string{"context", "unset", "x"}, "see `reactorctl context rm`"},
		{[]string{"frobnicate"}, `unknown command "frobnicate"`},
		{[]string{"help", "frobnicate"}, `unknown command "frobnicate"`},
		{[]string{"list", "--addr", "https://example.org:7070"}, "give HOST:PORT without \"https://\", such as example.org:7070"},
		{[]string{"list", "--addr", "here"}, "give HOST:PORT"},
		{[]string{"modul"}, `did you mean "module"?`},
		{[]string{"completion", "nosuch"}, `unknown command "nosuch"`},
		{[]string{"run", "--mem", "1GiB", "m"}, "unknown flag --mem: did you mean --memory? See `reactorctl run --help`"},
		{[]string{"run", "--dial", "udp://localhost:53", "m"}, `--dial "udp://localhost:53": give [udp:]HOST:PORT, without //`},
		{[]string{"run", "--dial", "::1:9301", "m"}, `--dial "::1:9301": give [udp:]HOST:PORT, with an IPv6 address in brackets, such as [::1]:80`},
		{[]string{"run", "--listen", "udp:fd00::2:80", "m"}, "with an IPv6 address in brackets"},
		{[]string{"run", "--connections", "0", "m"}, "a limit is more than 0: without the flag it is the daemon's default"},
		{[]string{"run", "--connections", "-1", "m"}, "-1 is too small: at least 1"},
		{[]string{"run", "--fuel", "0.0", "m"}, "a limit is more than 0"},
		{[]string{"run", "--timeout", "0s", "m"}, "--timeout 0: a limit is more than 0"},
		{[]string{"run", "--sent-bytes", "0", "--memory", "0B", "m"}, "--memory"},
		{[]string{"run", "--connect", "db", "m"}, "give [NAME=]HOST:PORT or [NAME=]workload:ID"},
		{[]string{"run", "--listen", "80", "m"}, "give [NAME=][udp:]HOST:PORT or [NAME=]workload"},
		{[]string{"serve", "--cert", "file:/c.pem", "m"}, "--cert needs --key"},
		{[]string{"serve", "--key", "file:/k.pem", "m"}, "--key needs --cert"},
		{[]string{"module", "psh"}, `did you mean "push"?`},
		{[]string{"list", "-o", "xml"}, "table, wide, json, yaml, name"},
		{[]string{"list", "--state", "asleep"}, "give pending, running"},
		{[]string{"cancel"}, "either ids or --label"},
		{[]string{"context", "set", "moon"}, "`reactorctl context set NAME ADDRESS"},
		{[]string{"list", "all"}, "`reactorctl list "},
		{[]string{"list", "--context", "moon"}, "no context \"moon\""},
		{[]string{"module", "push", "tag"}, "not a path"},
		{[]string{"module", "push", "--tag", "\xff", "./m.wasm"}, `--tag "\xff" is not UTF-8; see`},
		{[]string{"module", "tag", "m", "t\xff"}, `the argument "t\xff" is not UTF-8; see`},
		{[]string{"status", "\xff"}, `the argument "\xff" is not UTF-8; see`},
		{[]string{"rm", "a", "\xff", "./\xfe"}, "2 faults; see `reactorctl rm --help`\n  the argument \"\\xff\""},
		{[]string{"list", "-l", "a=\xff"}, `--label "a=\xff" is not UTF-8; see`},
		{[]string{"list", "--state", "pending,\xff"}, `--state "\xff" is not UTF-8; see`},
		{[]string{"wait", "--label", "\xff"}, `--label "\xff" is not UTF-8; see`},
		{[]string{"run", "tag\xff"}, `MODULE "tag\xff" is not UTF-8; see`},
	} {
		status, out, errs := ctl(t, "", c.args...)
		if status != exitError || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", c.args, status, out, errs)
		}
	}
}

func TestContexts(t *testing.T) {
	t.Setenv("REACTORCTL_CONFIG", filepath.Join(t.TempDir(), "ctl.yaml"))
	if status, out, errs := ctl(t, "", "context", "list"); status != 0 || out != "" || errs != "there are no contexts; `reactorctl context set NAME ADDRESS` makes one\n" {
		t.Errorf("without contexts: status %d, stdout %q, stderr %q", status, out, errs)
	}
	if status, out, errs := ctl(t, "", "context", "list", "-o", "json"); status != 0 || out != "[]\n" || errs != "" {
		t.Errorf("without contexts as JSON: status %d, stdout %q, stderr %q", status, out, errs)
	}
	for _, args := range [][]string{{"context", "set", "a", "h:1"}, {"context", "set", "b", "h:2"}, {"context", "use", "b"}, {"context", "rm", "a"}} {
		if status, _, errs := ctl(t, "", args...); status != 0 {
			t.Fatalf("%q: %s", args, errs)
		}
	}
	if _, out, _ := ctl(t, "", "context", "list"); !strings.Contains(out, "*  b") || strings.Contains(out, "h:1") {
		t.Errorf("%s", out)
	}
}

func TestJSONIsProtojson(t *testing.T) {
	start(t, &daemon{end: ended(reactorv1.EndReason_END_REASON_EXIT, reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED, 0)})
	status, out, errs := ctl(t, "", "wait", "w1", "-o", "json")
	var w map[string]any
	if err := json.Unmarshal([]byte(out), &w); status != 0 || err != nil || w["id"] != "w1" {
		t.Errorf("status %d, %v, stdout %s, stderr %s", status, err, out, errs)
	}
}

// The daemon can only say that the bytes are not those that were announced. Whoever reads the file knows why.
func TestFileChangesDuringPush(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wasm")
	mismatch, err := status.New(codes.InvalidArgument, "the bytes do not have the digest that was announced").WithDetails(
		&errdetails.ErrorInfo{Reason: "DIGEST_MISMATCH", Domain: "reactor.v1"})
	if err != nil {
		t.Fatal(err)
	}
	text := "\x00asm and more"
	start(t, &daemon{onPush: func() error { return errors.Join(os.WriteFile(path, []byte(text), 0o600), mismatch.Err()) }})
	for _, args := range [][]string{{"module", "push", path}, {"run", path}, {"submit", path}} {
		if err := os.WriteFile(path, []byte("\x00asm, but shorter"), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _, errs := ctl(t, "", args...); status != exitError || errs != "reactorctl: "+path+" changed while it was read; try again\n" {
			t.Errorf("%q: status %d: %s", args, status, errs)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := ctl(t, "", "module", "push", path); status != exitError || !strings.Contains(errs, "the bytes do not have") {
		t.Errorf("it has not changed: status %d: %s", status, errs)
	}
}

// Where no daemon is, that is said once, however many things were to be removed.
func TestRemovalsWithoutDaemon(t *testing.T) {
	t.Setenv("REACTORD_ADDR", "unix://"+filepath.Join(t.TempDir(), "s"))
	for _, args := range [][]string{{"rm", "a", "b"}, {"module", "rm", "a", "b"}, {"module", "untag", "a", "b"}, {"cancel", "a", "b"}} {
		status, out, errs := ctl(t, "", args...)
		if status != exitError || out != "" || !strings.HasPrefix(errs, "reactorctl: no daemon answers at ") || strings.Count(errs, "\n") != 2 {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, out, errs)
		}
	}
}

// A module that was pruned between dev's push and its submission is pushed again.
func TestDevPushesAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(path, []byte("\x00asm and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	pushes := 0
	d := &daemon{onPush: func() error { pushes++; return nil }}
	d.onSubmit = func() {
		d.submit = status.Error(codes.NotFound, "there is no such module")
		if pushes == 2 {
			d.submit = status.Error(codes.FailedPrecondition, "seen twice") // which ends dev
		}
	}
	start(t, d)
	if exit, _, errs := ctl(t, "", "dev", path); exit != exitError || pushes != 2 || !strings.Contains(errs, "seen twice") {
		t.Errorf("status %d, %d pushes: %s", exit, pushes, errs)
	}
}
