package cli

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// parseSpec parses a command line as submit and run do.
func parseSpec(t *testing.T, line ...string) (*reactorv1.WorkloadSpec, error) {
	t.Helper()
	var flags specFlags
	var spec *reactorv1.WorkloadSpec
	cmd := &cobra.Command{Use: "submit MODULE", Args: moduleThenArguments, SilenceErrors: true, SilenceUsage: true}
	flags.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		spec, err = flags.spec(cmd, args[0], guestArguments(args))
		return err
	}
	cmd.SetArgs(line)
	return spec, cmd.Execute()
}

func TestSpec(t *testing.T) {
	t.Setenv("FROM_CALLER", "here")
	got, err := parseSpec(t, "--name", "n", "-l", "a=b", "-e", "X=1=2", "-e", "FROM_CALLER",
		"--dir", "/srv/data:/data:ro", "--dir", "/tmp:/tmp", "--listen", "127.0.0.1:0", "--connect", "127.0.0.1:80",
		"--timeout", "30s", "--fuel", "1000", "--memory", "64MiB", "--stack", "1MiB", "guest.wasm", "two", "--three")
	if err != nil {
		t.Fatal(err)
	}
	want := &reactorv1.WorkloadSpec{
		Name: "n", Labels: map[string]string{"a": "b"}, Env: map[string]string{"X": "1=2", "FROM_CALLER": "here"},
		Args: []string{"two", "--three"},
		Grants: []*reactorv1.Grant{
			{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: "/srv/data", GuestPath: "/data", ReadOnly: true}}},
			{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: "/tmp", GuestPath: "/tmp"}}},
			{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: "127.0.0.1:0"}}},
			{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: "127.0.0.1:80"}}},
		},
		Limits: &reactorv1.Limits{Timeout: durationpb.New(30e9), Fuel: 1000, MemoryBytes: 64 << 20, StackBytes: 1 << 20},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// What follows MODULE is the guest's, also if it looks like a flag of reactorctl.
func TestArgumentsAfterModule(t *testing.T) {
	for _, c := range []struct {
		line []string
		want []string
	}{
		{[]string{"m"}, nil},
		{[]string{"m", "a", "b"}, []string{"a", "b"}},
		{[]string{"m", "-exit=3", "--count", "0", "--help"}, []string{"-exit=3", "--count", "0", "--help"}},
		{[]string{"m", "--", "-x"}, []string{"-x"}},
		{[]string{"--", "m", "-x"}, []string{"-x"}},
		{[]string{"m", "--"}, nil},
		{[]string{"m", "--", "--"}, []string{"--"}},
		{[]string{"m", "a", "--", "b"}, []string{"a", "--", "b"}},
		{[]string{"--name", "n", "m", "--name", "k"}, []string{"--name", "k"}},
	} {
		spec, err := parseSpec(t, c.line...)
		if err != nil || !slices.Equal(spec.GetArgs(), c.want) {
			t.Errorf("%q: %q, %v; want %q", c.line, spec.GetArgs(), err, c.want)
		}
	}
}

func TestHomeFolder(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for text, want := range map[string]string{"~:/h": "/home/ada", "~/src:/h:ro": "/home/ada/src", "/~/x:/h": "/~/x"} {
		spec, err := parseSpec(t, "--dir="+text, "m")
		if err != nil || spec.GetGrants()[0].GetDirectory().GetHostPath() != want {
			t.Errorf("%s: %v, %v; want %s", text, spec, err, want)
		}
	}
}

func TestSpecRefuses(t *testing.T) {
	for _, c := range []struct {
		line []string
		want string
	}{
		{[]string{}, "no MODULE is given"},
		{[]string{"--label", "a", "m"}, `--label "a": give KEY=VALUE`},
		{[]string{"-l", "a=1", "-l", "a=2", "m"}, "given twice"},
		{[]string{"--env", "NOT_SET_ANYWHERE", "m"}, "not set here"},
		{[]string{"--dir", "/only", "m"}, "HOST:GUEST"},
		{[]string{"--listen", "nowhere", "m"}, "HOST:PORT"},
		{[]string{"--memory", "lots", "m"}, "a size such as"},
		{[]string{"--count", "0", "m"}, "at least 1"},
		{[]string{"--count", "-1", "m"}, "at least 1"},
		{[]string{"m", "caf\xe9"}, `argument 1 of the guest, "caf\xe9", is not UTF-8`},
		{[]string{"-e", "X=\xff", "m"}, `--env "X": the variable is not UTF-8`},
		{[]string{"--name", "\xff", "m"}, `--name "\xff" is not UTF-8`},
		{[]string{"-l", "a=b", "-l", "k=\xff", "m"}, `--label "k=\xff" is not UTF-8`},
		{[]string{"--dir", "/a:/b", "--dir", "/\xff:/c", "m"}, `--dir "/\xff:/c" is not UTF-8`},
		{[]string{"--listen", "h\xff:1", "m"}, `--listen "h\xff:1" is not UTF-8`},
		{[]string{"tag\xff"}, `MODULE "tag\xff" is not UTF-8`},
		{[]string{"-i", "--stdin", "-", "m"}, "can be read once"},
		{[]string{"--stdin", "-", "-"}, "can be read once"},
		{[]string{"-i", "-"}, "can be read once"},
		{[]string{"-i", "--count", "2", "m"}, "leave out --count"},
		{[]string{"--dir", "/only", "-i", "--count", "2", "-l", "a", "m", "\xff"}, "leave out --count"},
		{[]string{"--dir", "/only", "-i", "--count", "2", "-l", "a", "m", "\xff"}, "HOST:GUEST"},
	} {
		if _, err := parseSpec(t, c.line...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.line, err, c.want)
		}
	}
}

// Files may be called anything: only their contents are sent, and a name that can be.
func TestSpecTakesAnyPath(t *testing.T) {
	for path, name := range map[string]string{"./caf\xe9.wasm": "caf", "./a\x1b[31mb\u202e.wasm": "a[31mb", "./\x01.wasm": ""} {
		spec, err := parseSpec(t, "--stdin", "in\xff", path)
		if err != nil || spec.GetName() != name {
			t.Errorf("%q: name %q, %v", path, spec.GetName(), err)
		}
	}
}

// zeros is an input without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Input that has no end is not read to it.
func TestInputIsBounded(t *testing.T) {
	if b, err := readInput("-", io.LimitReader(zeros{}, maxInput)); err != nil || len(b) != maxInput {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := readInput("-", zeros{}); err == nil || !strings.Contains(err.Error(), "2 MiB") {
		t.Errorf("without an end: %v", err)
	}
	if _, err := readInput(filepath.Join(t.TempDir(), "gone"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
