package cli

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
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
	cmd := &cobra.Command{Use: "submit MODULE", Args: moduleThenDash, SilenceErrors: true, SilenceUsage: true}
	flags.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		spec, err = flags.spec(cmd, strings.NewReader("from stdin"), "guest", args[1:])
		return err
	}
	cmd.SetArgs(line)
	return spec, cmd.Execute()
}

func TestSpec(t *testing.T) {
	t.Setenv("FROM_CALLER", "here")
	got, err := parseSpec(t, "guest.wasm", "--name", "n", "-l", "a=b", "-e", "X=1=2", "-e", "FROM_CALLER", "--arg", "one",
		"--stdin", "-", "--dir", "/srv/data:/data:ro", "--dir", "/tmp:/tmp", "--listen", "127.0.0.1:0", "--connect", "127.0.0.1:80",
		"--timeout", "30s", "--fuel", "1000", "--memory", "64MiB", "--stack", "1MiB", "--", "two", "--three")
	if err != nil {
		t.Fatal(err)
	}
	want := &reactorv1.WorkloadSpec{
		Name: "n", Labels: map[string]string{"a": "b"}, Env: map[string]string{"X": "1=2", "FROM_CALLER": "here"},
		Args: []string{"one", "two", "--three"}, Stdin: []byte("from stdin"),
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

func TestSpecRefuses(t *testing.T) {
	for _, c := range []struct {
		line []string
		want string
	}{
		{[]string{}, "no MODULE is given"},
		{[]string{"m", "arg"}, "come after --"},
		{[]string{"m", "--label", "a"}, `--label "a": give KEY=VALUE`},
		{[]string{"m", "-l", "a=1", "-l", "a=2"}, "given twice"},
		{[]string{"m", "--env", "NOT_SET_ANYWHERE"}, "not set here"},
		{[]string{"m", "--dir", "/only"}, "HOST:GUEST"},
		{[]string{"m", "--listen", "nowhere"}, "HOST:PORT"},
		{[]string{"m", "--memory", "lots"}, "a size such as"},
		{[]string{"m", "--count", "0"}, "at least 1"},
		{[]string{"m", "--stdin", "/does/not/exist"}, "no such file"},
	} {
		if _, err := parseSpec(t, c.line...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.line, err, c.want)
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
	if _, err := readInput("-", zeros{}); err == nil || !strings.Contains(err.Error(), "16 MiB") {
		t.Errorf("without an end: %v", err)
	}
	if _, err := readInput(filepath.Join(t.TempDir(), "gone"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
