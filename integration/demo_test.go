package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// demo runs the demo with a folder for temporary files of its own, which must be empty again then.
func demo(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	temporary := t.TempDir()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append([]string{"demo"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd, err, out.String(), progress.String())
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v, %v", left, err)
	}
	return out.String(), progress.String()
}

func TestDemoJSON(t *testing.T) {
	stdout, _ := demo(t, "--count", "200", "-o", "json")
	var object map[string]float64
	decoder := json.NewDecoder(strings.NewReader(stdout))
	if err := decoder.Decode(&object); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if decoder.More() {
		t.Errorf("there is more than one object:\n%s", stdout)
	}
	want := []string{
		"durationSeconds", "failed", "rssPerWaitingBytes", "submissionSeconds", "succeeded", "waitingPeak",
		"wakeLatenessP50Ms", "wakeLatenessP99Ms", "workloads",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(object))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if object["workloads"] != 200 || object["succeeded"] != 200 || object["failed"] != 0 {
		t.Errorf("not all succeeded: %v", object)
	}
	if object["waitingPeak"] < 1 || object["waitingPeak"] > 200 || object["durationSeconds"] <= 0 || object["wakeLatenessP99Ms"] < object["wakeLatenessP50Ms"] {
		t.Errorf("implausible figures: %v", object)
	}
}

// The demo of a component has as many calls wait in one instance, too.
func TestDemoOfComponent(t *testing.T) {
	stdout, _ := demo(t, "--guest", "component", "--count", "200", "-o", "json")
	var report struct {
		Workloads, Succeeded, Failed int
		WakeLatenessP99Ms            float64
		OneInstance                  struct{ Calls, Returned, WaitingPeak int }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if report.Workloads != 200 || report.Succeeded != 200 || report.Failed != 0 || report.WakeLatenessP99Ms <= 0 {
		t.Errorf("the instances: %s", stdout)
	}
	if one := report.OneInstance; one.Calls != 200 || one.Returned != 200 || one.WaitingPeak != 200 {
		t.Errorf("the calls of one instance: %s", stdout)
	}
}

func TestDemoTable(t *testing.T) {
	stdout, stderr := demo(t, "--count", "20")
	for _, want := range []string{
		"submitted", "all ended", "succeeded", "most waiting at once", "memory per waiting guest", "wake lateness",
		"hogs' share of the CPU", "reactorctl run",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the report does not say %q:\n%s", want, stdout)
		}
	}
	if strings.Contains(stderr, "\r") || strings.Count(stderr, "\n") < 2 {
		t.Errorf("the progress is not in plain lines: %q", stderr)
	}
}

// On a terminal the progress is one line that is drawn again and never wraps, whatever the terminal's width.
func TestDemoOnTerminal(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, columns := range []int{40, 80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "demo", "--count", "1000")
			term := testkit.StartInTerminal(t, cmd, columns, 40)
			term.Until("the progress is shown", func(screen string) bool { return strings.Contains(screen, "submitted") })
			status, raw := term.Wait()
			if status != 0 {
				t.Errorf("status %d", status)
			}
			if draws := strings.Count(raw, "\x1b[1A"); draws < 2 {
				t.Errorf("the progress was drawn again %d times", draws)
			}
			lines := strings.Split(term.Screen(), "\n")
			if !strings.Contains(lines[0], " s  submitted") || !strings.HasPrefix(lines[1], "submitted ") {
				t.Errorf("the screen does not begin with one line of progress and the report:\n%s", term.Screen())
			}
			if columns >= 80 {
				checkReport(t, lines[1:])
			}
		})
	}
}

// checkReport compares a report with testdata/screens/demo.txt, in which figures are written as 0.
func checkReport(t *testing.T, lines []string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "screens", "demo.txt"))
	if err != nil {
		t.Fatal(err)
	}
	figures := regexp.MustCompile(`[0-9][0-9.,]*( ([KM]iB|B))?`)
	head, advice, _ := strings.Cut(strings.Join(lines, "\n"), "\n\n")
	if diff := cmp.Diff(string(want), figures.ReplaceAllString(head, "0")+"\n\n"+advice); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
}

// A demo that is interrupted leaves nothing behind either.
func TestDemoInterrupted(t *testing.T) {
	temporary := t.TempDir()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "demo", "--count=30000") // which takes 15 s at least
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(progress)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(rest), "interrupt") {
		t.Errorf("status %d, and it says %q", status, rest)
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v, %v", left, err)
	}
}
