package integration

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Streams and futures of a call come from the standard input, files and values, and go to the output.
func TestCtlCallStreams(t *testing.T) {
	c := newCtl(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file, spaced, numbers := write("a.txt", "of a file\n"), write("a (b).txt", "quoted"), write("n.txt", "1\n\n // none\n 41")
	for _, tt := range []struct {
		module, call, stdin string
		status              int
		out, err            string
	}{
		{"flow", "upper(-)", "abc\n", 0, "ABC\n", ""},
		{"flow", "upper(-)", "", 0, "", ""},
		{"flow", "upper(@" + file + ")", "", 0, "OF A FILE\n", ""},
		{"flow", `upper(@"` + spaced + `")`, "", 0, "QUOTED", ""},
		{"flow", "upper([97, 98])", "", 0, "AB", ""},
		{"flow", "maybe-upper(-)", "x", 0, "X", ""},
		{"flow", "maybe-upper(none)", "", 1, "", "err(\"there is no input\")\n"},
		{"flow", "total(-)", "1\n41\n", 0, "42\n", ""},
		{"flow", "total(@" + numbers + ")", "", 125, "", "reactorctl: " + numbers + ", line 3: expected a u32, found the end of the text\n"},
		{"flow", "total([])", "", 0, "0\n", ""},
		{"flow", "count(7, 3)", "", 0, "7\n8\n9\n", ""},
		{"flow", `later("now")`, "", 0, "\"now\"\n", ""},
		{"flow", "unread(@/dev/zero, 3)", "", 0, "3\n", ""},
		{"streams", "tee(-)", "a\nb", 0, "(<stream 1>, <stream 2>)\n<stream 1>: a\n<stream 1>: b\n<stream 2>: a\n<stream 2>: b\n", ""},
		{"streams", `read("text", none)`, "", 0, "text", ""},
		{"streams", `read("text", some("it broke"))`, "", 1, "text", "(<stream 1>, err(\"it broke\"))\n"},
		{"streams", "zip([1, 2, 3], -)", "\"a\"\n\"b\"\n", 0, "(1, \"a\")\n(2, \"b\")\n", ""},
		{"streams", "check(7)", "", 0, "ok(7)\n", ""},
		{"streams", "check(0)", "", 1, "err(\"it is nothing\")\n", ""},

		{"flow", "unread(-, -)", "", 125, "", "reactorctl: args[1]: the standard input can only be given for a stream, and this is a u32\n"},
		{"streams", "zip(-, -)", "", 125, "", "reactorctl: args[1]: the standard input can be read once, and something else reads it\n"},
		{"flow", "upper(@" + dir + ")", "", 125, "", "reactorctl: args[0]: open " + dir + ": it is a folder\n"},
		{"flow", "upper(@no-such-file)", "", 125, "", "reactorctl: args[0]: open no-such-file: no such file or directory\n"},
		{"flow", `total([1, "2"])`, "", 125, "", "reactorctl: args[0][1]: expected a u32 at column 11, found a string\n"},
		{"flow", "total(-)", "1\nx\n", 125, "", "reactorctl: the standard input, line 2: expected a u32, found x\n"},
	} {
		out, errs, status := c.run(t, tt.stdin, "call", componentFile(tt.module), tt.call)
		if status != tt.status || sortedLines(out) != sortedLines(tt.out) || errs != tt.err {
			t.Errorf("%s: status %d, %q, %q", tt.call, status, out, errs)
		}
	}
	list, err := c.daemon.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil || len(list.GetWorkloads()) > 0 {
		t.Errorf("the calls left %d workloads, %v", len(list.GetWorkloads()), err)
	}
}

// sortedLines are the lines of a text in an order that does not depend on which of several streams came first.
func sortedLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// More than any window goes through unchanged.
func TestCtlCallManyBytes(t *testing.T) {
	c := newCtl(t)
	input := strings.Repeat("abcdefg\n", 1<<20)
	if out, errs, status := c.run(t, input, "call", componentFile("flow"), "same(-)"); status != 0 || out != input {
		t.Errorf("status %d, %d bytes of %d, %s", status, len(out), len(input), errs)
	}
	out, errs, status := c.run(t, "", "call", componentFile("flow"), "count(0, 100000)")
	if lines := strings.Fields(out); status != 0 || len(lines) != 100_000 || lines[99_999] != "99999" {
		t.Errorf("status %d, %d items, %s", status, len(lines), errs)
	}
}

// For programs each message is a line.
func TestCtlCallMessages(t *testing.T) {
	c := newCtl(t)
	var got []string
	out, _, status := c.run(t, "", "call", "-o", "json", componentFile("streams"), `read("text", some("it broke"))`)
	for line := range strings.Lines(out) {
		var m reactorv1.CallResponse
		if err := protojson.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch part := m.GetPart().(type) {
		case *reactorv1.CallResponse_Items:
			got = append(got, string(part.Items.GetBytes()))
		case *reactorv1.CallResponse_Future:
			got = append(got, part.Future.GetValue().GetVariant().GetValue().GetText())
		case *reactorv1.CallResponse_Ended:
			got = append(got, part.Ended.GetStatus().GetState().String())
		case *reactorv1.CallResponse_Result:
			got = append(got, "result")
		}
	}
	got = slices.DeleteFunc(got, func(s string) bool { return s == "" }) // the end of the stream may come by itself
	if want := []string{"result", "text", "it broke", "WORKLOAD_STATE_SUCCEEDED"}; status != 1 || !slices.Equal(got, want) {
		t.Errorf("status %d, %q", status, got)
	}
}

// What can't be asked of a call that is no workload is refused by its flag.
func TestCtlCallStreamsFlags(t *testing.T) {
	c := newCtl(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"call", "--id", "x"}, "--id is for a call that is a workload"},
		{[]string{"call", "--label", "a=b"}, "--label is for a call that is a workload"},
		{[]string{"call", "--dial", "127.0.0.1:80"}, "a call that is no workload is granted connections and links only"},
		{[]string{"call", "-o", "name"}, "-o name prints the id of a workload"},
		{[]string{"call", "--stdin", "-"}, "args[0]: the standard input can be read once"},
	} {
		_, errs, status := c.run(t, "", append(tt.args, componentFile("flow"), "upper(-)")...)
		if status != 125 || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: status %d, %s", tt.args, status, errs)
		}
	}
	_, errs, status := c.run(t, "", "submit", "--call", "upper(-)", componentFile("flow"))
	if status != 125 || !strings.Contains(errs, "which a workload can't have: `reactorctl call` calls it without one") {
		t.Errorf("submit: status %d, %s", status, errs)
	}
}

// An interrupt cancels the call, whatever it waits for.
func TestCtlCallInterrupted(t *testing.T) {
	c := newCtl(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for call, first := range map[string]string{"upper(-)": "A", "count(1, 4000000000)": "1"} {
		if call == "upper(-)" {
			if _, err := write.WriteString("a"); err != nil {
				t.Fatal(err)
			}
		}
		cmd := c.command(t, "call", componentFile("flow"), call)
		var errs bytes.Buffer
		cmd.Stdin, cmd.Stderr = read, &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		if _, err := io.ReadFull(out, got); err != nil || string(got) != first { // and no more: its output is full
			t.Errorf("%s: %q, %v", call, got, err)
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status tells
		if status := shellStatus(cmd); status != 130 || !strings.Contains(errs.String(), "interrupted by SIGINT") {
			t.Errorf("%s: status %d, %s", call, status, &errs)
		}
	}
	until(t, "no guest is left", func() bool {
		stats, err := c.daemon.Node.GetStats(t.Context(), &reactorv1.GetStatsRequest{})
		return err == nil && stats.GetStats().GetGuestMemoryBytes() == 0
	})
}

// The shell completes functions with streams as others.
func TestCtlCallCompletion(t *testing.T) {
	c := newCtl(t)
	c.must(t, "module", "push", "--tag", "flow", componentFile("flow"))
	if got := complete(t, c.env, "call", "flow", "u"); !slices.Equal(got, []string{"upper(", "unread("}) {
		t.Errorf("proposed %q", got)
	}
}

// A reader that has read enough ends the call, without a word.
func TestCtlCallUnread(t *testing.T) {
	c := newCtl(t)
	cmd := c.command(t, "call", componentFile("flow"), "count(1, 4000000000)")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "1\n" {
		t.Errorf("%q, %v", line, err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status tells
	if status := shellStatus(cmd); status != 141 || errs.Len() > 0 {
		t.Errorf("status %d, %s", status, &errs)
	}
}
