package guides

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// TestDevGuide follows the sessions of `reactorctl dev` in docs/guests.md: the first with the Go section's server, which is
// edited when the guide says so, the others as far as the guest runs.
func TestDevGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/guests.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]section{}
	for _, s := range sections(string(text)) {
		all[s.title] = s
	}
	sessions := all["A guest that changes"].sessions
	if len(sessions) != 2 || len(sessions[1]) != 2 {
		t.Fatalf("the guide has the sessions %q", sessions)
	}
	d := testkit.Start(t, t.TempDir(), "--allow-listen=127.0.0.1:*")
	newGuide := func(t *testing.T) *guide {
		return &guide{dir: t.TempDir(), daemon: d, address: testkit.FreeAddress(t)}
	}

	t.Run("Go", func(t *testing.T) {
		g := newGuide(t)
		const server = "server/main.go"
		program := fileOf(t, string(text), server)
		write(server, program)(t, g)
		write("go.mod", "module example.org/guests\n\ngo 1.26\n")(t, g)
		edits := []string{program + "}\n", strings.ReplaceAll(program, "Hello", "Bye")}
		g.session(t, sessions[0], func(line string) {
			if strings.HasSuffix(line, server+" changed: building") {
				write(server, edits[0])(t, g)
				edits = edits[1:]
			}
		})
		if len(edits) > 0 {
			t.Error("the guide tells of fewer edits")
		}
	})
	for i, tt := range []struct{ name, file, program string }{
		{"Rust", "src/main.rs", `fn main() { println!("here"); }`},
		{"C", "app.c", "#include <stdio.h>\nint main(void) { puts(\"here\"); }"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuide(t)
			g.need(t, toolchains[tt.name], tt.name)
			write(tt.file, tt.program)(t, g)
			write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n")(t, g)
			g.session(t, []string{sessions[1][i], "reactorctl: running as app-...-1", "here"}, func(string) {})
		})
	}
}

// fileOf returns the first file of a name in a guide.
func fileOf(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "`"+name+"`:\n\n```go\n")
	program, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("the guide has no %s", name)
	}
	return program
}

// session runs the command of a block until it has printed the block's lines, in their order, and interrupts it. before is
// called before a line is waited for.
func (g *guide) session(t *testing.T, block []string, before func(line string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	command, _ := strings.CutPrefix(block[0], "$ ")
	cmd := g.command(ctx, t, "exec "+command)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	var printed []string
	lines := bufio.NewScanner(reader)
	for _, want := range block[1:] {
		before(want)
		for {
			if !lines.Scan() {
				t.Fatalf("$ %s\n%s\nthe guide has next: %s", command, strings.Join(printed, "\n"), want)
			}
			printed = append(printed, lines.Text())
			if matches(want, lines.Text()) {
				break
			}
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		printed = append(printed, lines.Text())
	}
	_ = cmd.Wait()
}
