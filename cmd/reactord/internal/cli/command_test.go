package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/reactord/reactord/cmd/internal/manual"
	"github.com/reactord/reactord/cmd/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Check(t, Command(), "../../../../docs/reference/reactord.md", settingsTable())
}

func TestManual(t *testing.T) { manual.Check(t, Command()) }

func TestFlagsShowTheirValues(t *testing.T) { reference.CheckValues(t, Command()) }

func TestHelpFits(t *testing.T) { reference.CheckWidth(t, Command()) }

// settingsTable is the section of the reference about changes of the settings.
func settingsTable() string {
	var section strings.Builder
	section.WriteString(`## Settings

A running daemon takes up a change of the settings that are reloaded when it gets SIGHUP; the others take effect at its next
start. The log says of each changed setting which it is. The files of the certificate are also read again when they change,
and the token at SIGHUP.

| setting | default | a change takes effect at |
|---|---|---|
`)
	flags := Command().Flags()
	for _, s := range defaults().Settings() {
		at := "start"
		if s.Reloaded {
			at = "reload"
		}
		def := s.Value
		if _, clause, ok := strings.Cut(flags.Lookup(s.Name).Usage, "(default "); ok {
			def, _, _ = strings.Cut(clause, ")")
		}
		fmt.Fprintf(&section, "| `--%s` | %s | %s |\n", s.Name, strings.ReplaceAll(def, "*", `\*`), at)
	}
	return section.String()
}

// Serving never begins with a faulty configuration, wherever the fault is.
func TestFaultyConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reactord.yaml")
	if err := os.WriteFile(file, []byte("max-memroy: 1GiB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REACTORD_QUEUE", "many")
	for _, use := range [][]string{{}, {"serve"}} {
		cmd := Command()
		cmd.SetArgs(append(use, "--config", file, "--max-stack=1x"))
		err := cmd.Execute()
		if err == nil {
			t.Fatal("it ran")
		}
		for _, want := range []string{
			"3 faults",
			file + ": max-memroy: is not a setting; did you mean max-memory?",
			`$REACTORD_QUEUE: "many" is not a whole number`,
			`--max-stack: "1x" is not a size`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("reactord %s: %v\nshould say %q", strings.Join(use, " "), err, want)
			}
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"sreve"}, `unknown command "sreve"`},
		{[]string{"serve", "now"}, "usage: `reactord serve [flags]`; arguments given: 1"},
		{[]string{"run", "x.wasm"}, "\"run\" is a command of the client: `reactorctl run`; see `reactord --help`"},
		{[]string{"list"}, "`reactorctl list`"},
		{[]string{"store", "backup"}, "usage: `reactord store backup FOLDER [flags]`; arguments given: 0"},
		{[]string{"completion", "nosuch"}, `unknown command "nosuch"`},
		{[]string{"demo", "--count=0", "-o", "xml"}, "--count: 0 is too small: at least 1\n--output: \"xml\" is neither table nor json"},
		{[]string{"demo", "--guest=rust"}, `--guest: "rust" is none of component, preview1`},
		{[]string{"--nonesuch"}, "unknown flag: --nonesuch"},
	} {
		cmd := Command()
		cmd.SetArgs(tt.args)
		if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("reactord %s: %v, want %q", strings.Join(tt.args, " "), err, tt.want)
		}
	}
}

// The help of a command that needs only the data folder is short, and the command can still be called as the daemon is.
func TestDataDirIsAll(t *testing.T) {
	for _, use := range [][]string{{"store", "check"}, {"store", "salvage"}, {"store", "backup"}, {"token"}} {
		cmd, _, err := Command().Find(use)
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "force" && f.Name != "for-metrics" {
				shown = append(shown, f.Name)
			}
		})
		if !slices.Equal(shown, []string{"config", "data-dir"}) {
			t.Errorf("%v shows %v", use, shown)
		}
		if err := cmd.ParseFlags([]string{"--queue=7"}); err != nil {
			t.Errorf("%v: %v", use, err)
		}
	}
}
