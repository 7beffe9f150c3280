package usage

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// command is one with a subcommand.
func command(args ...string) error {
	root := &cobra.Command{Use: "root", Args: Subcommands, SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return nil }}
	sub := &cobra.Command{Use: "submit MODULE", Aliases: []string{"send"}, RunE: func(*cobra.Command, []string) error { return nil }}
	sub.Flags().Int("count", 1, "")
	sub.Flags().Uint8("small", 1, "")
	sub.Flags().Duration("timeout", time.Second, "")
	sub.Flags().Bool("wait", false, "")
	sub.Flags().StringArrayP("env", "e", nil, "")
	sub.Flags().String("secret", "", "")
	if err := sub.Flags().MarkHidden("secret"); err != nil {
		return err
	}
	drain := &cobra.Command{Use: "drain", RunE: sub.RunE}
	drain.Flags().Bool("undo", false, "")
	drain.Flags().Bool("now", false, "")
	drain.Flags().Duration("linger", 0, "")
	drain.Flags().String("node", "", "")
	drain.MarkFlagsMutuallyExclusive("undo", "linger")
	drain.MarkFlagsMutuallyExclusive("now", "linger")
	if err := drain.MarkFlagRequired("node"); err != nil {
		return err
	}
	root.AddCommand(sub, drain)
	root.SetHelpCommand(HelpCommand())
	AddCompletions(root)
	root.SetArgs(args)
	root.SetOut(new(strings.Builder))
	CheckFlags(root, args)
	return root.Execute()
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		args string
		want []string // nil: no error
	}{
		{"", nil},
		{"submit m --count 3 -e a=b --wait", nil},
		{"drain --node a --undo --now", nil},
		{"drain --node a --undo --linger 3s", []string{"--undo and --linger exclude each other"}},
		{"drain --undo --now --linger 3s", []string{"--undo and --linger exclude each other", "--now and --linger exclude each other", "--node is needed"}},
		{"submit --cuont 3", []string{"unknown flag --cuont: did you mean --count?"}},
		{"submit --colour=red", []string{"unknown flag --colour"}},
		{"submit --secre x", []string{"unknown flag --secre"}},
		{"submit --cou 3", []string{"unknown flag --cou: did you mean --count?"}},
		{"submit --tim 3s", []string{"unknown flag --tim: did you mean --timeout?"}},
		{"submit --ti 3s", []string{"unknown flag --ti"}},
		{"completion nosuch", []string{`unknown command "nosuch"`}},
		{"completion bsh", []string{`unknown command "bsh": did you mean "bash"?`}},
		{"completion bash x", []string{"usage: `root completion bash`; arguments given: 1"}},
		{"completion", nil},
		{"submit -timeout 3s", []string{"unknown flag -timeout: did you mean --timeout?"}},
		{"submit -xyz", []string{"unknown flag -x in -xyz"}},
		{"submit -x", []string{"unknown flag -x"}},
		{"submit --count three", []string{`--count "three": give a whole number`}},
		{"submit --small 300", []string{`--small "300": the number is out of range`}},
		{"submit --timeout 3", []string{`--timeout "3": give a duration such as 30s or 1h30m`}},
		{"submit --wait=maybe", []string{`--wait "maybe": give true or false`}},
		{"submit --count", []string{"--count needs a value"}},
		{"submit --cuont 3 m --count x --timeout=y -q --nope --wait --count z", []string{
			"unknown flag --cuont: did you mean --count?", `--count "x": give a whole number`,
			`--timeout "y": give a duration such as 30s or 1h30m`, "unknown flag -q", "unknown flag --nope", `--count "z": give a whole number`,
		}},
		{"submit --count x --count x", []string{`--count "x": give a whole number`}},
		{"submti", []string{`unknown command "submti": did you mean "submit"?`}},
		{"sned", []string{`unknown command "sned": did you mean "send"?`}},
		{"dance", []string{`unknown command "dance"`}},
		{"help", nil},
		{"help submit", nil},
		{"help send", nil},
		{"help dance", []string{`unknown command "dance"`}},
		{"help submit dance", []string{`unknown command "dance"`}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			err := command(strings.Fields(tt.args)...)
			var got []string
			if e, ok := errors.AsType[*Error](err); ok {
				got = e.Faults
			} else if err != nil {
				t.Errorf("error %T %v", err, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"--a: bad; see `root submit --help`":                 {"root submit", []string{"--a: bad"}},
		"2 faults; see `root --help`\n  --a: bad\n  --b: no": {"root", []string{"--a: bad", "--b: no"}},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"list", "logs", "max-memory", "submit"}
	for name, want := range map[string]string{
		"lits": "list", "lgos": "logs", "max-memroy": "max-memory", "sumbit": "submit", "submti": "submit", "colour": "", "x": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestOneFault(t *testing.T) {
	for fault, want := range map[string]string{
		"no MODULE is given":                        "no MODULE is given; see `root --help`",
		"unknown flag --dail: did you mean --dial?": "unknown flag --dail: did you mean --dial? See `root --help`",
	} {
		if got := (&Error{"root", []string{fault}}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
