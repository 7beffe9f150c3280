// Package guides goes through the guides for users to the letter.
package guides

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// clang shows whether there is a clang that makes programs of WASI. It does not write to /dev/null: as root, a linker replaces that
// by a file.
const clang = `echo '#include <stdio.h>
int main(void) { return 0; }' | clang --target=wasm32-wasi -x c -o probe.wasm - && rm probe.wasm`

// toolchains says of each section that needs more than Go how to see whether it is there.
var toolchains = map[string]string{
	"Dialling": clang,
	"UDP":      clang,
	"Rust":     `rustc --target wasm32-wasip1 --print target-libdir | xargs ls | grep -q libstd`,
	"C":        clang,
	"Zig":      `zig version | grep '^0\.17\.'`,
}

// TestGuestGuide makes the files of each section of docs/guests.md in a folder of its own, runs its commands, and
// compares what they print.
func TestGuestGuide(t *testing.T) {
	followSections(t, "../../docs/guests.md", func(t *testing.T, g *guide, title string) { g.need(t, toolchains[title], title) })
}

// followSections follows the sections of a guide that have steps, each in an empty folder. begin may skip a section, or choose
// another folder.
func followSections(t *testing.T, file string, begin func(t *testing.T, g *guide, title string)) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.Start(t, t.TempDir(), "--allow-listen=127.0.0.1:*", "--allow-connect=127.0.0.1:*")
	for _, s := range sections(string(text)) {
		if len(s.steps) == 0 {
			continue
		}
		t.Run(s.title, func(t *testing.T) {
			g := &guide{dir: t.TempDir(), daemon: d}
			begin(t, g, s.title)
			g.address = testkit.FreeAddress(t)
			for _, step := range s.steps {
				step(t, g)
			}
		})
	}
}

// section is one section of a guide, with what is to be done in it.
type section struct {
	title    string
	steps    []func(t *testing.T, g *guide)
	sessions [][]string // blocks of commands that go on until they are interrupted
}

var (
	heading = regexp.MustCompile(`^## (.*)`)
	file    = regexp.MustCompile("^`([^`]+)`:$")
	fence   = regexp.MustCompile("^```(\\w*)$")
)

// sections reads a guide. A block below a line that is only a file's name is that file; a block of the language console
// has commands, which begin with "$ ", and what they print; one of no language has commands that are interrupted.
func sections(text string) []section {
	var (
		all  []section
		name string // of the file that comes next
	)
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if m := heading.FindStringSubmatch(lines[i]); m != nil {
			all = append(all, section{title: m[1]})
		} else if m := file.FindStringSubmatch(lines[i]); m != nil {
			name = m[1]
		} else if m := fence.FindStringSubmatch(lines[i]); m != nil {
			var block []string
			for i++; lines[i] != "```"; i++ {
				block = append(block, lines[i])
			}
			last := &all[len(all)-1]
			switch {
			case m[1] == "console":
				last.steps = append(last.steps, commands(block)...)
			case name != "":
				last.steps = append(last.steps, write(name, strings.Join(block, "\n")+"\n"))
			case m[1] == "":
				last.sessions = append(last.sessions, block)
			}
			name = ""
		}
	}
	return all
}

// guide is a folder in which a section is followed.
type guide struct {
	dir    string
	daemon *testkit.Daemon
	// address stands for 127.0.0.1:8080.
	address string
}

func write(name, text string) func(*testing.T, *guide) {
	return func(t *testing.T, g *guide) {
		path := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// commands returns the steps of a console block.
func commands(block []string) (steps []func(*testing.T, *guide)) {
	for i := 0; i < len(block); {
		command, _ := strings.CutPrefix(block[i], "$ ")
		var printed []string
		for i++; i < len(block) && !strings.HasPrefix(block[i], "$ "); i++ {
			printed = append(printed, block[i])
		}
		steps = append(steps, func(t *testing.T, g *guide) {
			t.Helper()
			out, err := g.shell(t, command)
			if want := strings.Join(printed, "\n"); !matches(want, strings.TrimSuffix(out, "\n")) {
				t.Fatalf("$ %s\n%s\n%v; the guide says:\n%s", command, out, err, want)
			}
		})
	}
	return steps
}

// matches reports whether out is what the guide says, in which "..." stands for any text.
func matches(want, out string) bool {
	pattern := regexp.QuoteMeta(want)
	pattern = strings.ReplaceAll(pattern, "\n"+`\.\.\.`, `(?:\n.*)?`)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	return regexp.MustCompile(`(?s)^` + pattern + `$`).MatchString(out)
}

// shell runs a command line in the guide's folder and returns what it prints. The guides' port is replaced by a free one.
func (g *guide) shell(t *testing.T, command string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil && strings.HasPrefix(command, "curl ") {
		t.Skip(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), testkit.Patience)
	defer stop()
	out, err := g.command(ctx, t, command).CombinedOutput()
	return waits.ReplaceAllString(string(out), ""), err
}

// need skips the test if a check finds that the toolchain of a section is not there; with TOOLCHAINS=required it fails.
func (g *guide) need(t *testing.T, check, section string) {
	t.Helper()
	if check == "" {
		return
	}
	if out, err := g.shell(t, check); err != nil {
		if os.Getenv("TOOLCHAINS") == "required" {
			t.Fatalf("the toolchain of %s is not installed: %v\n%s", section, err, out)
		}
		t.Skipf("the toolchain is not installed: %v\n%s", err, out)
	}
}

// command returns the command of a command line.
func (g *guide) command(ctx context.Context, t *testing.T, line string) *exec.Cmd {
	t.Helper()
	if _, port, ok := strings.Cut(g.address, ":"); ok {
		line = strings.ReplaceAll(line, ":8080", ":"+port)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "REACTORD_ADDR="+g.daemon.Address, "REACTORCTL_CONFIG="+filepath.Join(g.dir, "none.yaml"), "GOFLAGS=-mod=mod",
		"PATH="+filepath.Dir(testkit.Binary(t, "reactorctl"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

// waits are the lines that say what a command waits for. They show only on a slow machine.
var waits = regexp.MustCompile(`(?m)^reactorctl: (?:building|pushing|waiting|submitting|\S+ waits) .*\n`)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, out string
		matches   bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"a ... c", "a b c", true},
		{"a\n...", "a", true},
		{"a\n...", "a\nb\nc", true},
		{"a (...", "a (b)", true},
		{"a.", "ab", false},
	} {
		if matches(c.want, c.out) != c.matches {
			t.Errorf("%q, %q: %t", c.want, c.out, !c.matches)
		}
	}
}
