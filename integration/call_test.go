package integration

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// componentFile is the path of a component in testdata.
func componentFile(name string) string { return filepath.Join("testdata", "components", name+".wasm") }

// Functions of components are called with values of every kind, and what they return is printed as it is written.
func TestCall(t *testing.T) {
	c := newCtl(t, tool(t))
	for _, tt := range []struct {
		module, call string
		status       int
		out, err     string
	}{
		{"calc", "add(1, 2)", 0, "3", ""},
		{"calc", "area(line({a: {x: 1, y: 2}, b: {x: 4, y: 6}}))", 0, "ok(5)", ""},
		{"calc", "divide(1, 0)", 1, `err("division by zero")`, ""},
		{"calc", "nothing()", 0, "", ""},
		{"calc", "bounds([{x: 1, y: 2}, {x: 3, y: 0}])", 0, "some(({x: 1, y: 0}, {x: 3, y: 2}))", ""},
		{"calc", "echo#echo-mixed({a: 3, b: 1, c: true, d: 1.5, e: \"x\\u{fc}\"})", 0, `{a: 3, b: 1, c: true, d: 1.5, e: "xü"}`, ""},
		{"calc", "example:calc/echo@0.1.0#echo-u8(255)", 0, "255", ""},
		{"calc", "echo-mixed({a: 300, b: 1, c: true, d: 1, e: \"x\"})", 125, "", "args[0].a: 300 is not a u8"},
		{"calc", "add(1)", 125, "", "add takes 2 arguments, and b is missing"},
		{"calc", "subtract(1, 2)", 125, "", `no function "subtract" is exported`},
		{"calc", "add", 125, "", "the arguments of add are missing"},
		{"calc", "trap()", 134, "", "unreachable"},
		{"composed", "run(10)", 0, "ok(155)", ""},
		{"counters", "double-drop()", 134, "", "unknown handle index"},
		{"provider", "make(1)", 125, "", "takes or returns a resource"},
	} {
		out, errs, status := c.run(t, "", "call", componentFile(tt.module), tt.call)
		if status != tt.status || strings.TrimSpace(out) != tt.out || !strings.Contains(errs, tt.err) {
			t.Errorf("%s: status %d, %q, %s", tt.call, status, out, errs)
		}
	}
	out := c.must(t, "call", "-o", "json", componentFile("calc"), "add(1, -3)")
	var v reactorv1.Value
	if err := protojson.Unmarshal([]byte(out), &v); err != nil || v.GetInt() != -2 {
		t.Errorf("as JSON: %s, %v", out, err)
	}
	if out := c.must(t, "call", "--id", "sum", "-o", "name", componentFile("calc"), "sum([1, 2, 3])"); out != "sum" {
		t.Errorf("as a name: %s", out)
	}
	if out := c.must(t, "status", "sum"); !strings.Contains(out, "sum([1, 2, 3])") || !strings.Contains(out, "result") {
		t.Errorf("status: %s", out)
	}
	if _, errs, status := c.run(t, "", "call", toolFile(t), "main()"); status != 125 || !strings.Contains(errs, "is no component") {
		t.Errorf("a core module: %d, %s", status, errs)
	}
}

// What is wrong with a call is told as what is wrong with any argument is, with the field of the request.
func TestFaultyCalls(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "module", "push", "--tag", "calc", componentFile("calc"))
	for _, tt := range []struct {
		args       []string
		field, err string
	}{
		{[]string{"call", "calc", `echo-points([{x: 1, y: 2}, {x: 3, y: "4"}])`}, "spec.call.args[0][1].y", "args[0][1].y: expected an f64"},
		{[]string{"call", "calc", "add(1)"}, "spec.call.args", "CALL: add takes 2 arguments"},
		{[]string{"submit", "--call", "add(1)", "calc"}, "spec.call.args", "--call: add takes 2 arguments"},
		{[]string{"call", "calc", "echo-piont([])"}, "spec.call.export", "did you mean echo-points?"},
		{[]string{"call", "calc", "add"}, "spec.call.export", "CALL: the arguments of add are missing"},
		{[]string{"call", toolFile(t), "main()"}, "spec.call", "MODULE: the module is no component"},
		{[]string{"call", "calc", "add", "1", "2"}, "", `"add" "1" "2" come after MODULE`},
		{[]string{"call", "calc", "add(1, 2)", "3"}, "", `"3" comes after CALL`},
		{[]string{"submit", "--call", "add(1, 2)", "calc", "a", "b"}, "", `"a" "b" come after MODULE`},
	} {
		_, errs, status := c.run(t, "", append([]string{"-o", "json"}, tt.args...)...)
		var failed struct {
			Code, Message string
			Fields        []struct{ Field string }
		}
		if err := json.Unmarshal([]byte(errs), &failed); err != nil || status != 125 || failed.Code != "INVALID_ARGUMENT" || !strings.Contains(failed.Message, tt.err) {
			t.Errorf("%q: status %d, %v, %s", tt.args, status, err, errs)
		}
		if tt.field != "" && (len(failed.Fields) != 1 || failed.Fields[0].Field != tt.field) {
			t.Errorf("%q: fields %v, want %s", tt.args, failed.Fields, tt.field)
		}
	}
	if out := c.must(t, "call", "calc", "add(1, 2)", "-o", "json"); !strings.Contains(out, `"int"`) {
		t.Errorf("a flag after CALL: %s", out)
	}
}

// What inspect tells of a component is its world, and of a component that can't be run here what is missing.
func TestInspectComponent(t *testing.T) {
	c := newCtl(t, tool(t))
	for _, want := range []string{"kind       component", "export add: func(a: s32, b: s32) -> s32;", "record point {"} {
		if out := c.must(t, "module", "inspect", componentFile("calc")); !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if out, want := c.must(t, "module", "inspect", componentFile("rust-command")), "sockets (--listen), dialling (--dial)"; !strings.Contains(out, want) {
		t.Errorf("no %q in %s", want, out)
	}
	_, errs, status := c.run(t, "", "module", "inspect", componentFile("user"))
	if status != 125 || !strings.Contains(errs, "imports what is not here: example:counters/counters@0.1.0 (no other workload can give it: counter is a resource type); take it from a component that exports it by `--plug`") {
		t.Errorf("status %d, %s", status, errs)
	}
}

// A module comes out of the daemon as it went in.
func TestModulePull(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "module", "push", "--tag", "calc", componentFile("calc"))
	file := filepath.Join(t.TempDir(), "calc.wasm")
	c.must(t, "module", "pull", "calc", "-f", file)
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(componentFile("calc"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) || c.must(t, "module", "pull", "calc", "-f", "-") != strings.TrimSpace(string(want)) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if _, errs, status := c.run(t, "", "module", "pull", "other", "-f", file); status != 125 || !strings.Contains(errs, "no module") {
		t.Errorf("status %d: %s", status, errs)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Components are joined as files and as modules of the daemon, beforehand or when they are called.
func TestCompose(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "module", "push", "--tag", "counters", componentFile("provider"))
	c.must(t, "module", "compose", componentFile("user"), "--plug", "counters", "--tag", "app")
	if out := c.must(t, "call", "app", "run(10)"); strings.TrimSpace(out) != "ok(155)" {
		t.Errorf("joined: %s", out)
	}
	if out := c.must(t, "call", "--plug", "example:counters/counters@0.1.0="+componentFile("provider"), componentFile("user"), "run(10)"); strings.TrimSpace(out) != "ok(155)" {
		t.Errorf("plugged: %s", out)
	}
	file := filepath.Join(t.TempDir(), "joined.wasm")
	c.must(t, "module", "compose", componentFile("user"), "--plug", componentFile("provider"), "-f", file)
	if out := c.must(t, "call", file, "run(10)"); strings.TrimSpace(out) != "ok(155)" {
		t.Errorf("from a file: %s", out)
	}
	joined, err := os.ReadFile(file)
	if out := c.must(t, "module", "compose", componentFile("user"), "--plug", componentFile("provider"), "-f", "-"); err != nil || out != strings.TrimSuffix(string(joined), "\n") {
		t.Errorf("to the standard output: %d bytes, %v", len(out), err)
	}
	for _, command := range [][]string{{"compose", componentFile("user"), "--plug", componentFile("provider")}, {"pull", "app"}} {
		for path, want := range map[string]string{"/no/such/x.wasm": "create /no/such/x.wasm: no such file or directory", t.TempDir(): "is a directory"} {
			_, errs, status := c.run(t, "", append(append([]string{"module"}, command...), "-f", path)...)
			if status != 125 || !strings.Contains(errs, want) || !strings.Contains(errs, path+":") {
				t.Errorf("%v to %s: status %d, %s", command, path, status, errs)
			}
		}
	}
	for _, tt := range []struct{ plug, want string }{
		{componentFile("calc"), "calc"},
		{"counters=", `--plug "counters=": no module is given: [IMPORT=]MODULE`},
		{"=counters", `--plug "=counters": no IMPORT is before the =`},
		{"no:such/thing=" + componentFile("provider"), "no:such/thing"},
		{"nonesuch", "there is no module"},
		{toolFile(t), "component"},
	} {
		if _, errs, status := c.run(t, "", "module", "compose", componentFile("user"), "--plug", tt.plug); status != 125 || !strings.Contains(errs, tt.want) {
			t.Errorf("--plug %s: status %d, %s", tt.plug, status, errs)
		}
	}
}

// pushComponent pushes a component of testdata, and returns its digest.
func pushComponent(t *testing.T, d *testkit.Daemon, name string) string {
	t.Helper()
	binary, err := os.ReadFile(componentFile(name))
	if err != nil {
		t.Fatal(err)
	}
	return d.Push(t, binary)
}

func whole(n int64) *reactorv1.Value { return &reactorv1.Value{Kind: &reactorv1.Value_Int{Int: n}} }

// A function is called without a workload, and the answer says how that ended.
func TestCallFunction(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "calc")
	call := func(ctx context.Context, export string, args ...*reactorv1.Value) (*reactorv1.CallFunctionResponse, error) {
		return d.Workloads.CallFunction(ctx, &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module, Call: &reactorv1.FunctionCall{Export: export, Args: args}, Limits: &reactorv1.Limits{Timeout: durationpb.New(time.Minute)},
		}})
	}
	var group sync.WaitGroup
	for i := range int64(64) {
		group.Go(func() {
			response, err := call(t.Context(), "add", whole(i), whole(1))
			if s := response.GetStatus(); err != nil || s.GetResult().GetInt() != i+1 || s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || s.GetUsage().GetFuel() == 0 {
				t.Errorf("%v, %v", response, err)
			}
		})
	}
	group.Wait()
	response, err := call(t.Context(), "trap")
	if s := response.GetStatus(); err != nil || s.GetReason() != reactorv1.EndReason_END_REASON_TRAP || s.GetCrash().GetTrap() != "unreachable" || len(s.GetCrash().GetFrames()) == 0 {
		t.Errorf("a trap: %v, %v", response, err)
	}
	response, err = d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
		Module: module, Call: &reactorv1.FunctionCall{Export: "spin"}, Limits: &reactorv1.Limits{Fuel: 1_000_000},
	}})
	if err != nil || response.GetStatus().GetReason() != reactorv1.EndReason_END_REASON_OUT_OF_FUEL {
		t.Errorf("out of fuel: %v, %v", response, err)
	}
	list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil || len(list.GetWorkloads()) > 0 {
		t.Errorf("the calls left %d workloads, %v", len(list.GetWorkloads()), err)
	}
	// When the client goes, the guest is ended.
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := call(ctx, "spin"); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("a client that has gone: %v", err)
		}
		cancel()
	}
	if response, err := call(t.Context(), "add", whole(1), whole(1)); err != nil || response.GetStatus().GetResult().GetInt() != 2 {
		t.Errorf("after them: %v, %v", response, err)
	}
}

// What is wrong with a call is told at once, by its places.
func TestCallFunctionRefused(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "calc")
	_, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
		Module: module, Interactive: true, Call: &reactorv1.FunctionCall{Export: "echo-mixed", Args: []*reactorv1.Value{whole(1)}},
	}})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "spec.interactive") {
		t.Errorf("%v", err)
	}
	_, err = d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
		Module: module, Call: &reactorv1.FunctionCall{Export: "add", Args: []*reactorv1.Value{whole(1 << 40), whole(-1 << 40)}},
	}})
	for _, place := range []string{"spec.call.args[0]", "spec.call.args[1]"} {
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), place) {
			t.Errorf("no %s in %v", place, err)
		}
	}
}

// What a function returns is kept up to a bound, with a workload or without.
func TestResultTooLarge(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "calc")
	for size, want := range map[int]reactorv1.EndReason{
		1<<20 - 1000: reactorv1.EndReason_END_REASON_EXIT,
		1<<20 + 1:    reactorv1.EndReason_END_REASON_RESULT_TOO_LARGE,
	} {
		text := strings.Repeat("x", size)
		spec := &reactorv1.WorkloadSpec{Module: module, Call: &reactorv1.FunctionCall{
			Export: "echo-string", Args: []*reactorv1.Value{{Kind: &reactorv1.Value_Text{Text: text}}},
		}}
		response, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: spec})
		if s := response.GetStatus(); err != nil || s.GetReason() != want || (s.GetResult() != nil) != (want == reactorv1.EndReason_END_REASON_EXIT) {
			t.Errorf("%d bytes, without a workload: %v, %q, %v", size, s.GetReason(), s.GetMessage(), err)
		} else if s.GetResult() == nil && !strings.Contains(s.GetMessage(), "return what is larger as a stream") {
			t.Errorf("it is not told what to do: %q", s.GetMessage())
		}
		submitted, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		ended, err := d.Workloads.WaitWorkload(t.Context(), &reactorv1.WaitWorkloadRequest{Id: submitted.GetWorkload().GetId()})
		if s := ended.GetWorkload().GetStatus(); err != nil || s.GetReason() != want || (s.GetResult() != nil) != (want == reactorv1.EndReason_END_REASON_EXIT) {
			t.Errorf("%d bytes: %v, %q, %v", size, s.GetReason(), s.GetMessage(), err)
		}
	}
}

// Arguments are refused beyond a bound, by the place and with what to do, and messages beyond another one.
func TestArgumentsTooLarge(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "calc")
	for _, tt := range []struct {
		size int
		code codes.Code
		want string
	}{
		{2<<20 + 1, codes.InvalidArgument, "spec.call.args: the values take 2097"},
		{2<<20 + 1, codes.InvalidArgument, "let the function take what is larger as a stream"},
		{17 << 20, codes.ResourceExhausted, "send less at a time"},
	} {
		spec := &reactorv1.WorkloadSpec{Module: module, Call: &reactorv1.FunctionCall{
			Export: "echo-string", Args: []*reactorv1.Value{{Kind: &reactorv1.Value_Text{Text: strings.Repeat("x", tt.size)}}},
		}}
		_, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: spec})
		if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d bytes, without a workload: %.300v", tt.size, err)
		}
		_, err = d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
		if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d bytes: %.300v", tt.size, err)
		}
	}
}

// A call of a function that waits takes none of the turns that calls of the API have, which are refused after 5 s.
func TestWaitingCallsTakeNoTurns(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for longer than a call waits for its turn")
	}
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "rust-command")
	request := &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
		Module: module, Args: []string{"sleep", "7000"}, Call: &reactorv1.FunctionCall{Export: "run"},
	}}
	var group sync.WaitGroup
	for range 2 { // a connection has 256 calls at most
		conn, err := grpc.NewClient(d.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := reactorv1.NewWorkloadServiceClient(conn)
		for range 150 {
			group.Go(func() {
				response, err := client.CallFunction(t.Context(), request)
				if reason := response.GetStatus().GetReason(); err != nil || reason != reactorv1.EndReason_END_REASON_EXIT {
					t.Errorf("%v, %q, %v", reason, response.GetStatus().GetMessage(), err)
				}
			})
		}
	}
	group.Wait()
}
