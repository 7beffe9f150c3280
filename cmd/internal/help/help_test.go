package help

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/screen"
)

func TestFill(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a paragraph is filled", "one two three four\nfive six\nseven eight", "one two three four five six\nseven eight"},
		{"paragraphs stay apart", "one\n\ntwo\n\n\nthree", "one\n\ntwo\n\n\nthree"},
		{"a long word gets its own line", "a " + strings.Repeat("x", 40) + " b", "a\n" + strings.Repeat("x", 40) + "\nb"},
		{"a wide letter has two columns", "日本語日本語 日本語日本語 日本", "日本語日本語 日本語日本語\n日本"},
		{"indented lines stay lines", "head:\n  one\n  two\ntail", "head:\n  one\n  two\ntail"},
		{"indented lines go on below themselves", "  one two three four five six seven", "  one two three four five\n  six seven"},
		{
			"the second column goes on below itself",
			"head:\n  a, b   one two three four\n         five\n  c d    six\ntail",
			"head:\n  a, b   one two three four\n         five\n  c d    six\ntail",
		},
		{"of two columns the second is filled", "  a   one\n      two\n  b   three", "  a   one two\n  b   three"},
		{"a command stays a line", "run:\n\n\techo  a > b\n", "run:\n\n    echo  a > b"},
		{"a long command goes on as shells have it", "\techo one two three four five", "    echo one two three \\\n      four five"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Fill(tt.text, 27)); diff != "" {
				t.Errorf("filled (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	nothing := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "root", Short: "Do things", Run: nothing}
	root.PersistentFlags().String("addr", "", "the address of the daemon, which is long enough to be wrapped once or more")
	list := &cobra.Command{
		Use: "list [flags]", Aliases: []string{"ls"}, Example: "  root list", Run: nothing,
		Short: "List all that there is to be listed, in an order that is told below",
	}
	list.Flags().BoolP("all", "a", false, "all of them")
	root.AddCommand(list, &cobra.Command{Use: "secret", Hidden: true, Run: nothing})
	root.CompletionOptions.DisableDefaultCmd = true
	var out strings.Builder
	root.SetOut(&out)
	Install(root, screen.New(&out, func(string) string { return "" }))
	for _, tt := range []struct{ args, want string }{
		{"--help", `Do things

Usage:
  root [flags]
  root [command]

Available Commands:
  help       Help about any command
  list, ls   List all that there is to be listed, in an order that is told below

Flags:
      --addr string   the address of the daemon, which is long enough to
                      be wrapped once or more
  -h, --help          help for root

Use "root [command] --help" for more about a command.
`},
		{"ls --help", `List all that there is to be listed, in an order that is told below

Usage:
  root list [flags]

Aliases:
  list, ls

Examples:
  root list

Flags:
  -a, --all    all of them
  -h, --help   help for list

Global Flags:
      --addr string   the address of the daemon, which is long enough to
                      be wrapped once or more
`},
	} {
		out.Reset()
		root.SetArgs(strings.Fields(tt.args))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
}
