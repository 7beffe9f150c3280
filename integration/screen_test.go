package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// onTerminal starts a command line in a terminal.
func (c ctl) onTerminal(t *testing.T, columns, rows int, args ...string) *testkit.Terminal {
	t.Helper()
	cmd := c.command(t, args...)
	cmd.Env = append(testkit.Undecorated(cmd.Env), "TZ=UTC")
	return testkit.StartInTerminal(t, cmd, columns, rows)
}

// What differs from run to run: figures, how wide their columns are, and so where a long name is cut.
var (
	digest  = regexp.MustCompile(`[0-9a-f]{64}`)
	figures = regexp.MustCompile(`\b[0-9][0-9a-fµ.,:msh-]*( [KMG]iB| B)?\b`)
	gaps    = regexp.MustCompile(`  +`)
	cuts    = regexp.MustCompile(`[^ ]*…`)
	waits   = regexp.MustCompile(`(?m)^(waited +)[^\n]*(\n  [^\n]*)*`) // which ones there were is a matter of luck
)

// checkScreen compares a screen with a file of testdata/screens, which has # for each figure. UPDATE_SCREENS=1 writes the
// file.
func checkScreen(t *testing.T, name, screen string) {
	t.Helper()
	screen = waits.ReplaceAllString(screen, "${1}#")
	got := figures.ReplaceAllString(digest.ReplaceAllString(screen, "DIGEST"), "#")
	got = cuts.ReplaceAllString(gaps.ReplaceAllString(got, "  "), "…")
	file := filepath.Join("testdata", "screens", name+".txt")
	if os.Getenv("UPDATE_SCREENS") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// crowd has a workload in each of several states, submitted in the order of their names.
func crowd(t *testing.T, c ctl) {
	t.Helper()
	push := func(tag string, binary []byte) {
		if _, err := c.daemon.TryPush(t.Context(), binary, tag); err != nil {
			t.Fatal(err)
		}
	}
	push("tool", tool(t))
	push("sleeper", examples.Sleeper)
	push("hog", examples.Hog)
	c.must(t, "submit", "--id", "a-hello", "--label", "app=hello", "tool", "hello", "x")
	c.daemon.WaitFor(t, "a-hello")
	c.must(t, "submit", "--id", "b-exit", "--name", "a-job-with-a-name-that-is-longer-than-a-terminal-of-eighty-columns-has-room-for", "tool", "exit", "3")
	c.daemon.WaitFor(t, "b-exit")
	c.must(t, "submit", "--id", "c-cancelled", "sleeper", "1", "100000000")
	c.must(t, "cancel", "c-cancelled")
	c.must(t, "submit", "--id", "d-waiting", "sleeper", "1", "100000000")
	c.must(t, "submit", "--id", "e-running", "hog")
	for id, state := range map[string]reactorv1.WorkloadState{"d-waiting": waiting, "e-running": running} {
		until(t, id+" has started", func() bool { return c.daemon.Status(t, id).GetState() == state })
	}
}

func TestScreens(t *testing.T) {
	c := newCtl(t, tool(t))
	crowd(t, c)
	for _, columns := range []int{80, 200} {
		for name, args := range map[string][]string{
			"list":   {"list"},
			"status": {"status", "b-exit"},
			"ops":    {"ops"},
			"node":   {"node"},
		} {
			t.Run(fmt.Sprintf("%s-%d", name, columns), func(t *testing.T) {
				term := c.onTerminal(t, columns, 50, args...)
				if status, raw := term.Wait(); status != 0 {
					t.Fatalf("status %d: %s", status, raw)
				}
				screen := term.Screen()
				if name == "node" { // it has folders, versions and sizes of this machine
					for _, want := range []string{"state               serving", "workloads         ", "without a worker", "timer", " for guests"} {
						if !strings.Contains(screen, want) {
							t.Errorf("it does not show %q:\n%s", want, screen)
						}
					}
					return
				}
				checkScreen(t, fmt.Sprintf("%s-%d", name, columns), screen)
			})
		}
	}
}

// What a workload was given is in its status: arguments, variables, grants, labels and limits.
func TestStatusScreens(t *testing.T) {
	c := newCtl(t)
	if _, err := c.daemon.TryPush(t.Context(), examples.Sleeper, "sleeper"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "submit", "--id", "given", "--label", "app=web", "--label", "tier=front", "--env", "GREETING=Hello to all of you", "--env", "LANG=C",
		"--dir", "/usr:/data:ro", "--listen", "web=127.0.0.1:0", "--dial", "*.example.org:443", "--resolve", "example.net",
		"--memory", "64MiB", "--timeout", "1h", "--fuel", "1e12", "sleeper", "1", "100000000")
	until(t, "it waits", func() bool { return c.daemon.Status(t, "given").GetState() == waiting })
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			term := c.onTerminal(t, columns, 50, "status", "given")
			if status, raw := term.Wait(); status != 0 {
				t.Fatalf("status %d: %s", status, raw)
			}
			checkScreen(t, fmt.Sprintf("status-given-%d", columns), term.Screen())
		})
	}
}

// Only terminals have colours and cut tables, unless the environment says otherwise.
func TestColors(t *testing.T) {
	c := newCtl(t, tool(t))
	crowd(t, c)
	long := "a-job-with-a-name-that-is-longer-than-a-terminal-of-eighty-columns-has-room-for"
	list := func(columns int, env ...string) string {
		t.Helper()
		cmd := c.command(t, "list")
		cmd.Env = append(testkit.Undecorated(cmd.Env), env...)
		if columns > 0 {
			_, raw := testkit.StartInTerminal(t, cmd, columns, 24).Wait()
			return raw
		}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	const pipe = 0
	for _, tt := range []struct {
		name      string
		text      string
		color, to bool // it has colours, and all of the long name
	}{
		{"a terminal", list(80), true, false},
		{"a terminal, NO_COLOR", list(80, "NO_COLOR=1"), false, false},
		{"a wide terminal", list(200), true, true},
		{"a wide terminal, NO_COLOR", list(200, "NO_COLOR=1"), false, true},
		{"a pipe", list(pipe), false, true},
		{"a pipe, COLUMNS", list(pipe, "COLUMNS=20"), false, true},
		{"a pipe, FORCE_COLOR", list(pipe, "FORCE_COLOR=1"), true, true},
	} {
		if color := strings.Contains(tt.text, "\x1b[31mfailed\x1b[0m"); color != tt.color || strings.Contains(tt.text, "\x1b[") != color {
			t.Errorf("%s: colours %t, want %t: %q", tt.name, color, tt.color, tt.text)
		}
		if all := strings.Contains(tt.text, long); all != tt.to {
			t.Errorf("%s: all of the name %t, want %t: %q", tt.name, all, tt.to, tt.text)
		}
	}
}

// column returns the cells of a table's first column, without the head.
func column(table string) (cells []string) {
	for _, line := range strings.Split(strings.TrimRight(table, "\n"), "\n")[1:] {
		if fields := strings.Fields(line); len(fields) > 0 {
			cells = append(cells, fields[0])
		}
	}
	return cells
}

func TestListFilters(t *testing.T) {
	c := newCtl(t, tool(t))
	crowd(t, c)
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	for _, tt := range []struct {
		args string
		want string
	}{
		{"list --state running", "e-running"},
		{"ls --state waiting", "d-waiting"},
		{"ps --state waiting,failed", "d-waiting b-exit"},
		{"list --order oldest --limit 2", "a-hello b-exit"},
		{"list --limit 1", "e-running"},
		{"list --since 1h", "e-running d-waiting c-cancelled b-exit a-hello"},
		{"list --since " + later, ""},
		{"list --ended-since 1d", "c-cancelled b-exit a-hello"},
		{"list -l app", "a-hello"},
		{"list -l !app --order oldest", "b-exit c-cancelled d-waiting e-running"},
	} {
		// A guest that never waits is preempted now and then, and one that sleeps wakes up for a moment.
		until(t, tt.args, func() bool {
			return slices.Equal(column(c.must(t, strings.Fields(tt.args)...)), strings.Fields(tt.want))
		})
	}
	for _, tt := range []struct{ args, want string }{
		{"list --limit -1", "at least 0"},
		{"list --order size", "newest, oldest or busiest"},
		{"list --since yesterday", "how long ago"},
		{"list --state asleep", "give pending, running"},
	} {
		if _, errs, status := c.run(t, "", strings.Fields(tt.args)...); status != 125 || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: status %d, %s", tt.args, status, errs)
		}
	}
}

// On a terminal list -w keeps its head and columns and shows each workload once, as it is now.
func TestListWatchOnTerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{80, 200} {
		c := newCtl(t, tool(t))
		crowd(t, c)
		term := c.onTerminal(t, columns, 12, "list", "-w", "--limit", "3")
		row := func(screen, id string) string {
			i := strings.Index(screen, "\n"+id)
			if i < 0 {
				return ""
			}
			line, _, _ := strings.Cut(screen[i+1:], "\n")
			return line
		}
		shown := func(screen string) bool {
			return strings.HasPrefix(screen, "ID ") && strings.Contains(row(screen, "e-running"), " running ") &&
				strings.Contains(row(screen, "c-cancelled"), " cancelled ") && row(screen, "b-exit") == ""
		}
		first := term.Until("it shows the newest three", shown)
		c.must(t, "submit", "--id", "f-new", "tool", "hello")
		c.must(t, "cancel", "e-running")
		last := term.Until("it shows the changes", func(screen string) bool {
			return strings.Contains(row(screen, "f-new"), " succeeded ") && strings.Contains(row(screen, "e-running"), " cancelled ") &&
				row(screen, "c-cancelled") == ""
		})
		for _, screen := range []string{first, last} {
			if strings.Count(screen, "ID ") != 1 || strings.Count(screen, "\ne-running") != 1 {
				t.Errorf("%d columns: the table is not in place:\n%s", columns, screen)
			}
			for _, line := range strings.Split(screen, "\n") {
				if strings.HasPrefix(line, "e-running") && strings.Index(line, "hog") != strings.Index(screen, "NAME") {
					t.Errorf("%d columns: the columns are not aligned:\n%s", columns, screen)
				}
			}
		}
		term.Type("\x03")
		if status, _ := term.Wait(); status != 130 {
			t.Errorf("status %d", status)
		}
	}
}

// restartable is a daemon at a socket, where another one can be started.
func restartable(t *testing.T) (c ctl, restart func()) {
	t.Helper()
	socket, data := filepath.Join(shortDir(t), "s"), t.TempDir()
	c.daemon = testkit.StartGuarded(t, data, nil, "--listen=unix://"+socket)
	c.env = append(os.Environ(), "REACTORD_ADDR=unix://"+socket, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))
	return c, func() {
		t.Helper()
		c.daemon.Stop()
		c.daemon = testkit.StartGuarded(t, data, nil, "--listen=unix://"+socket)
	}
}

// list -w goes on when the daemon was restarted, on a terminal and elsewhere.
func TestListWatchSurvivesRestart(t *testing.T) {
	c, restart := restartable(t)
	sleeperTag := "sleeper"
	if _, err := c.daemon.TryPush(t.Context(), examples.Sleeper, sleeperTag); err != nil {
		t.Fatal(err)
	}
	c.must(t, "submit", "--id", "before", sleeperTag, "1", "1")
	c.daemon.WaitFor(t, "before")
	term := c.onTerminal(t, 80, 12, "list", "-w")
	term.Until("it shows the first", func(screen string) bool { return strings.Contains(screen, "before ") })

	piped := c.command(t, "list", "-w")
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	piped.Stdout, piped.Stderr = file, file
	if err := piped.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = piped.Process.Kill() }()
	text := func() string {
		b, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	until(t, "it prints the first", func() bool { return strings.Contains(text(), "before ") })

	restart()
	c.must(t, "submit", "--id", "after", sleeperTag, "1", "1")
	c.daemon.WaitFor(t, "after")
	screen := term.Until("it shows the second", func(screen string) bool {
		return regexp.MustCompile(`(?m)^after +sleeper +succeeded`).MatchString(screen)
	})
	if strings.Contains(screen, "is gone") || strings.Count(screen, "ID ") != 1 {
		t.Errorf("it shows:\n%s", screen)
	}
	until(t, "it prints the second", func() bool {
		return regexp.MustCompile(`(?m)^after +sleeper +succeeded`).MatchString(text())
	})
	if err := piped.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = piped.Wait() // the status tells
	if status := piped.ProcessState.ExitCode(); status != 130 || strings.Count(text(), "ID ") != 1 || strings.Count(text(), "is gone") > 1 {
		t.Errorf("status %d:\n%s", status, text())
	}
	if n := strings.Count(text(), "\nbefore "); strings.HasPrefix(text(), "ID ") && n != 1 {
		t.Errorf("the first is printed %d times:\n%s", n, text())
	}
}

// status -w shows a workload as it is now, in place on a terminal and again and again elsewhere.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	if _, err := c.daemon.TryPush(t.Context(), examples.Sleeper, "sleeper"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "submit", "--id", "sleeper", "sleeper", "1", "100000000")
	term := c.onTerminal(t, 80, 30, "status", "-w", "sleeper")
	term.Until("it sleeps", func(screen string) bool { return strings.Contains(screen, "waits for     timer") })
	piped := c.follow(t, nil, "status", "-w", "sleeper")
	until(t, "it is printed twice", func() bool { return strings.Count(piped.out.String(), "waits for ") == 2 })
	c.must(t, "cancel", "sleeper")
	screen := term.Until("it has ended", func(screen string) bool { return strings.Contains(screen, "state         cancelled") })
	if strings.Count(screen, "id  ") != 1 {
		t.Errorf("it shows:\n%s", screen)
	}
	until(t, "the end is printed", func() bool { return strings.Contains(piped.out.String(), "cancelled") })
	term.Type("q")
	if status, _ := term.Wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	_ = piped.Process.Signal(syscall.SIGINT)
	if status := piped.ended(); status != 130 {
		t.Errorf("elsewhere: status %d", status)
	}
}

// node -w prints rows below a head that comes again when it has left the screen. A row is a line of the terminal.
func TestNodeWatchOnTerminal(t *testing.T) {
	c := newCtl(t)
	const rows = 6
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			term := c.onTerminal(t, columns, rows, "node", "-w", "--interval", "100ms")
			term.Until("the head has left the screen", func(screen string) bool {
				return !strings.HasPrefix(screen, "TIME") && strings.Contains(screen, "TIME")
			})
			term.Type("\x03")
			status, raw := term.Wait()
			lines := strings.Split(regexp.MustCompile("\x1b\\[[0-9]*m|\r").ReplaceAllString(raw, ""), "\n")
			for i, line := range lines {
				if head := strings.HasPrefix(line, "TIME"); head != (i%rows == 0) && strings.Contains(line, ":") {
					t.Errorf("line %d is %q", i, line)
				}
				if len([]rune(line)) > columns {
					t.Errorf("line %d is longer than the terminal is wide: %q", i, line)
				}
			}
			if status != 130 {
				t.Errorf("status %d", status)
			}
		})
	}
}

// A guest that waits for connections is shown to accept, however it waits.
func TestListenerAccepts(t *testing.T) {
	c := newCtl(t, serve(t))
	module := c.daemon.Push(t, serve(t))
	id := c.must(t, "submit", "--listen", "127.0.0.1:0", module)
	until(t, "it accepts", func() bool {
		return strings.Contains(c.must(t, "ops", id), "accept  127.0.0.1:") && strings.Contains(c.must(t, "status", id), "waits for     accept 127.0.0.1:")
	})
}

// Both commands read sizes and numbers in one way.
func TestSizes(t *testing.T) {
	c := newCtl(t)
	if _, err := c.daemon.TryPush(t.Context(), examples.Sleeper, "sleeper"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]uint64{"64M": 64 << 20, "64MiB": 64 << 20, "64m": 64 << 20, "64MB": 64e6, "1e6": 1e6, "1.5M": 3 << 19, "1_000_000": 1e6} {
		id := c.must(t, "submit", "--memory", text, "--fuel", "1e9", "sleeper", "1", "1")
		w, err := c.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: id})
		if limits := w.GetWorkload().GetSpec().GetLimits(); err != nil || limits.GetMemoryBytes() != want || limits.GetFuel() != 1e9 {
			t.Errorf("--memory %s: %v, %v", text, limits, err)
		}
		d := testkit.Start(t, t.TempDir(), "--default-memory="+text, "--default-fuel=1e9")
		node, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{})
		if limits := node.GetNode().GetDefaultLimits(); err != nil || limits.GetMemoryBytes() != want || limits.GetFuel() != 1e9 {
			t.Errorf("--default-memory=%s: %v, %v", text, limits, err)
		}
		d.Stop()
	}
	for _, text := range []string{"1.5", "64X", "-1", "0x10"} {
		_, errs, status := c.run(t, "", "submit", "--memory="+text, "sleeper")
		out, err := exec.Command(testkit.Binary(t, "reactord"), "--data-dir="+t.TempDir(), "--default-memory="+text).CombinedOutput()
		const want = "is not a size such as 65536, 64MiB or 1.5GiB"
		if status != 125 || !strings.Contains(errs, want) || err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: status %d, %s; reactord: %v, %s", text, status, errs, err, out)
		}
	}
}

// TestModuleScreens: whatever modules are called, a line of the list is one of the terminal's, and has what commands take.
func TestModuleScreens(t *testing.T) {
	c := newCtl(t)
	long := strings.Repeat("a-long-name-", 8)
	binary := variant("screen")
	_, err := c.daemon.Modules.UploadModule(t.Context(), &reactorv1.UploadModuleRequest{Content: binary, Name: long, Tag: "first"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c.must(t, "module", "tag", "first", fmt.Sprintf("registry.example/team/tool:v%d", i))
	}
	for _, columns := range []int{80, 200} {
		term := c.onTerminal(t, columns, 50, "module", "list")
		if status, raw := term.Wait(); status != 0 {
			t.Fatalf("status %d: %s", status, raw)
		}
		lines := strings.Split(strings.TrimSpace(term.Screen()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d columns:\n%s", columns, term.Screen())
		}
		if got := strings.Fields(lines[0]); !slices.Equal(got, []string{"DIGEST", "NAME", "TAGS", "SIZE", "AGE", "LAST", "USED"}) {
			t.Errorf("%d columns: the head is %q", columns, got)
		}
		cells := strings.Fields(lines[1])
		if cells[0] != digits(binary)[:12] || !strings.HasPrefix(cells[1], "a-long-na") || !strings.HasPrefix(cells[2], "first") {
			t.Errorf("%d columns: the row is %q", columns, cells)
		}
	}
}

// A digest, and an import with its type, stay in one piece however narrow the terminal is: they are for copying. 80 columns
// have room for a digest.
func TestModuleIsNotWrapped(t *testing.T) {
	c := newCtl(t)
	digest := c.must(t, "module", "push", sleeperModule)
	for _, columns := range []int{80, 200} {
		status, raw := c.onTerminal(t, columns, 40, "module", "inspect", digest).Wait()
		if status != 0 {
			t.Fatalf("status %d\n%s", status, raw)
		}
		for line := range strings.Lines(raw) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == "digest" && len(strings.TrimSpace(line)) > 80 {
				t.Errorf("the digest takes more than 80 columns: %s", value)
			}
		}
		for _, whole := range []string{strings.TrimPrefix(digest, "sha256:") + "\r\n", "wasi_snapshot_preview1.poll_oneoff (func (param i32 i32 i32 i32) (result i32))\r\n"} {
			if !strings.Contains(raw, whole) {
				t.Errorf("in %d columns, %q is not in one piece:\n%s", columns, whole, raw)
			}
		}
	}
}

// A live list stays where it was drawn when q ends it; other keys do nothing, and the terminal is as it was.
func TestListWatchKeys(t *testing.T) {
	c := newCtl(t, tool(t))
	crowd(t, c)
	for _, command := range []string{"list -w", "ops -w"} {
		cmd := c.command(t, strings.Fields(command)...)
		script := exec.Command("sh", append([]string{"-c", `echo before; "$@"; echo "status $?"`, "sh"}, cmd.Args...)...)
		script.Env = testkit.Undecorated(cmd.Env)
		term := testkit.StartInTerminal(t, script, 80, 24)
		term.Until(command+" shows workloads", func(screen string) bool { return strings.Contains(screen, "\nd-waiting ") })
		term.Type("x\r\x1b[A zz\r\r")
		term.Type("q")
		_, raw := term.Wait()
		if !regexp.MustCompile(`\nd-waiting [^\n]*\n(.|\n)*\x1b\[\?25h.*status 0\r\n$`).MatchString(raw) || strings.Contains(raw, "zz") {
			t.Errorf("%s leaves: %q", command, raw)
		}
	}
}
