package async

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scenario is a script from a file, which holds the answers too.
type scenario struct {
	t        *testing.T
	commands []string // "1: return"
}

func (s *scenario) next(w *world, c *call) string {
	if len(s.commands) == 0 {
		return ""
	}
	who, command, _ := strings.Cut(s.commands[0], ": ")
	if actor := w.actor(c); actor != who {
		s.t.Errorf("%q is next, but %s runs", s.commands[0], actor)
		return ""
	}
	s.commands = s.commands[1:]
	return command
}

// TestScenarios runs each file of testdata/scenarios, and compares what happens with it. The number that begins a file's name
// is that of the behaviour in testdata/README.md. UPDATE_SCENARIOS=1 rewrites the answers.
func TestScenarios(t *testing.T) {
	for _, file := range scenarioFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			comment, trace := readScenario(t, file)
			s := &scenario{t: t}
			for _, line := range trace {
				if actor, _, found := strings.Cut(line, ": "); found && actor != "trap" {
					s.commands = append(s.commands, line)
				}
			}
			w := newWorld(3, s)
			w.check = func() { checkInvariants(t, w) }
			w.host()
			if len(s.commands) > 0 {
				t.Errorf("not reached: %q", s.commands)
			}
			if os.Getenv("UPDATE_SCENARIOS") == "1" {
				if err := os.WriteFile(file, []byte(strings.Join(append(comment, w.trace...), "\n")+"\n"), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !slices.Equal(w.trace, trace) {
				t.Errorf("what happens:\n%s", strings.Join(w.trace, "\n"))
			}
		})
	}
}

func scenarioFiles(t *testing.T) []string {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	return files
}

func readScenario(t *testing.T, file string) (comment, trace []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			comment = append(comment, line)
		} else {
			trace = append(trace, line)
		}
	}
	return comment, trace
}
