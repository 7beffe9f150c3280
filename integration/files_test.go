package integration

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestFiles runs programs that use files in the ways of other hosts and of POSIX.
func TestFiles(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, testkit.GoGuest(t, "testdata/guests/files"))
	for _, tt := range []struct {
		verb, dir string
	}{
		{"root", t.TempDir()},
		{"devices", "/dev"},
		{"transfer", t.TempDir()},
	} {
		t.Run(tt.verb, func(t *testing.T) {
			filesSucceed(t, d, d.Submit(t, filesSpec(module, tt.dir, tt.verb)))
		})
	}
	t.Run("append", func(t *testing.T) { testAppend(t, d, module) })
}

// testAppend has guests append to one file at the same time: each of their records stays in one piece.
func testAppend(t *testing.T, d *testkit.Daemon, module string) {
	dir := t.TempDir()
	var ids []string
	for _, letters := range []string{"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"} {
		ids = append(ids, d.Submit(t, filesSpec(module, dir, "append", letters)))
	}
	filesSucceed(t, d, ids...)
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	records := bytes.SplitAfter(log, []byte("\n"))
	if len(records) != 31 { // nothing after the last one
		t.Errorf("%d records", len(records)-1)
	}
	for i, record := range records[:len(records)-1] {
		if len(record) != 300_001 || !bytes.Equal(record[:300_000], bytes.Repeat(record[:1], 300_000)) {
			t.Errorf("record %d is torn", i)
		}
	}
}

func filesSpec(module, dir, verb string, args ...string) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{
		Module: module,
		Args:   append([]string{verb, "/granted"}, args...),
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
			Directory: &reactorv1.DirectoryGrant{HostPath: dir, GuestPath: "/granted"},
		}}},
	}
}

// filesSucceed fails the test with what the guests have to say if any of them fails.
func filesSucceed(t *testing.T, d *testkit.Daemon, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if s := d.WaitFor(t, id); s.GetState() != succeeded {
			text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
			t.Errorf("status is %v: %s", s, text)
		}
	}
}
