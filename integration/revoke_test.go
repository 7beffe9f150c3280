package integration

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// peer accepts one connection at a time and hands it out.
func peer(t *testing.T) (address string, connections <-chan net.Conn) {
	t.Helper()
	accepted := make(chan net.Conn, 16)
	return testkit.Serve(t, func(c net.Conn) {
		accepted <- c
		<-t.Context().Done()
	}), accepted
}

func (c ctl) state(t *testing.T, id string) reactorv1.WorkloadState {
	t.Helper()
	return c.daemon.Status(t, id).GetState()
}

// What a guest that fails does not say is told with its end: that a grant was revoked shortly before.
func TestFailureAfterRevoke(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, tool(t)), "--allow-connect=127.0.0.1:*"))
	address, connections := peer(t)
	c.must(t, "submit", "--id", "talks", "--connect", "db="+address, toolFile(t), "talk", "db", "hello")
	connection := <-connections
	defer connection.Close()
	until(t, "the guest reads", func() bool { return c.state(t, "talks") == waiting })
	c.must(t, "revoke", "talks", "--all")
	want := "the guest exited with code 1; shortly before, its grant --connect db=" + address + " was revoked"
	if end := c.daemon.WaitFor(t, "talks"); end.GetState() != failed || end.GetMessage() != want {
		t.Errorf("it ended as %v, want %q", end, want)
	}
}

// An operation that waits ends at once when its grant is revoked, and the peer sees the connection closed.
func TestRevokeWhileReading(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, tool(t)), "--allow-connect=127.0.0.1:*"))
	address, connections := peer(t)
	c.must(t, "submit", "--id", "reader", "--connect", "db="+address, toolFile(t), "held", "read", "3")
	connection := <-connections
	defer connection.Close()
	until(t, "the guest reads", func() bool { return c.state(t, "reader") == waiting })
	if table := c.must(t, "grants", "reader"); !strings.Contains(table, "connect:db="+address) || !strings.Contains(table, "granted") {
		t.Errorf("the grants are\n%s", table)
	}

	if got, want := c.must(t, "revoke", "reader", "connect:db"), "connect:db="+address+" revoked"; got != want {
		t.Errorf("revoke prints %q, want %q", got, want)
	}
	end := c.daemon.WaitFor(t, "reader")
	if log := c.must(t, "logs", "reader"); end.GetState() != succeeded || !strings.Contains(log, "ended: read 3: Capabilities insufficient") {
		t.Errorf("it ended as %v, and wrote %q", end, log)
	}
	if _, err := io.ReadAll(connection); err != nil {
		t.Errorf("the peer: %v", err)
	}
	if got := end.GetRevokedGrants(); len(got) != 1 || got[0] != 0 {
		t.Errorf("revoked are %v", got)
	}
	if table := c.must(t, "grants", "reader"); !strings.Contains(table, "revoked") {
		t.Errorf("the grants are\n%s", table)
	}
	if status := c.must(t, "status", "reader"); !strings.Contains(status, "connect:db="+address+" (revoked)") {
		t.Errorf("the status is\n%s", status)
	}
	until(t, "the log tells of it", func() bool {
		return strings.Contains(c.daemon.Log(), "workload lost grants") && strings.Contains(c.daemon.Log(), "--connect db="+address)
	})

	// After the end there is nothing to revoke, and what was revoked stays so.
	if got := c.must(t, "revoke", "reader", "0"); !strings.Contains(got, "revoked") {
		t.Errorf("revoking again prints %q", got)
	}
	c.must(t, "submit", "--wait", "--id", "ended", "--connect", address, toolFile(t), "hello")
	if _, errs, status := c.run(t, "", "revoke", "ended", "--all"); status == 0 || !strings.Contains(errs, "has ended") {
		t.Errorf("revoking from what has ended: status %d, %s", status, errs)
	}
}

// A guest that computes meets the revocation at its next operation. Its other grants are as they were.
func TestRevokeWhileComputing(t *testing.T) {
	folder := t.TempDir()
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, tool(t)), "--allow-connect=127.0.0.1:*", "--allow-dir="+folder))
	address, connections := peer(t)
	c.must(t, "submit", "--id", "writer", "--connect", address, "--dir", folder+":/data", toolFile(t), "held", "spin", "4")
	connection := <-connections
	defer connection.Close()
	go func() { _, _ = io.Copy(io.Discard, connection) }()
	until(t, "the guest has begun", func() bool { return c.must(t, "logs", "writer") != "" })
	c.must(t, "revoke", "writer", "--connect", address)
	end := c.daemon.WaitFor(t, "writer")
	if log := c.must(t, "logs", "writer"); end.GetState() != succeeded || !strings.Contains(log, "Capabilities insufficient") {
		t.Errorf("it ended as %v, and wrote %q", end, log)
	}
}

// A folder that is revoked can't be used any more, and nor does an attempt after a restart of the daemon, by any signal,
// have it.
func TestRevokedFolderAfterRestart(t *testing.T) {
	folder, dir := t.TempDir(), testkit.DataDir(t, tool(t))
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--allow-dir=" + folder, "--allow-connect=127.0.0.1:*"}
	d := testkit.Start(t, dir, flags...)
	c := newCtlOf(t, d)
	address, connections := peer(t)
	lists := toolFile(t)
	c.must(t, "submit", "--id", "lists", "--dir", folder+":/data", lists, "held", "list", "/data")
	until(t, "the guest lists", func() bool { return c.must(t, "logs", "lists") != "" })
	c.must(t, "revoke", "lists", "dir:/data")
	if end := d.WaitFor(t, "lists"); end.GetState() != succeeded {
		t.Errorf("it ended as %v: %s", end, c.must(t, "logs", "lists"))
	}

	// This one has lost its folder, reads its connection, and is interrupted.
	c.must(t, "submit", "--id", "again", "--dir", folder+":/data", "--connect", address, lists, "held", "read", "4")
	first := <-connections
	defer first.Close()
	until(t, "the guest reads", func() bool { return c.state(t, "again") == waiting })
	c.must(t, "revoke", "again", "dir:/data")
	d.Signal(syscall.SIGKILL)
	d.Wait()

	d = testkit.Start(t, dir, flags...)
	c = newCtlOf(t, d)
	second := <-connections // it has its connection again, under the same number
	defer second.Close()
	until(t, "the guest reads again", func() bool { return c.state(t, "again") == waiting })
	if s := d.Status(t, "again"); len(s.GetRevokedGrants()) != 1 || s.GetRevokedGrants()[0] != 0 || s.GetAttempts() != 2 {
		t.Errorf("after the restart: %v", s)
	}
	var grants reactorv1.GetGrantsResponse
	if err := protojson.Unmarshal([]byte(c.must(t, "grants", "-o", "json", "again")), &grants); err != nil {
		t.Fatal(err)
	}
	if g := grants.GetGrants(); len(g) != 2 || g[0].GetRevokeTime() == nil || g[1].GetRevokeTime() != nil || g[1].GetDescriptors() != 1 {
		t.Errorf("the grants are %v", &grants)
	}
	c.must(t, "revoke", "again", "--all")
	if end := d.WaitFor(t, "again"); end.GetState() != succeeded || len(end.GetRevokedGrants()) != 2 {
		t.Errorf("it ended as %v", end)
	}
}

func TestRevokeFaults(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, tool(t)), "--allow-connect=127.0.0.1:*"))
	address, connections := peer(t)
	c.must(t, "submit", "--id", "reader", "--connect", address, "--connect", "b="+address, toolFile(t), "held", "read", "3")
	for range 2 {
		connection := <-connections
		defer connection.Close()
	}
	for _, tt := range []struct {
		args   []string
		status int
		text   string
	}{
		{[]string{"revoke", "nobody", "0"}, 1, `there is no workload "nobody"`},
		{[]string{"revoke", "reader"}, 2, "give either grants or --all"},
		{[]string{"revoke", "reader", "0", "--all"}, 2, "give either grants or --all"},
		{[]string{"revoke", "reader", "7"}, 1, `it has no grant "7": there is connect:` + address},
		{[]string{"revoke", "reader", "dir:/data"}, 1, `it has no grant "dir:/data"`},
		{[]string{"grants", "nobody"}, 1, `there is no workload "nobody"`},
		{[]string{"run", "--grants", "guess", "x.wasm"}, 2, `--grants "guess": give enforce or report`},
	} {
		_, errs, status := c.run(t, "", tt.args...)
		if status == 0 || !strings.Contains(errs, tt.text) {
			t.Errorf("%q: status %d, %s; want %s", tt.args, status, errs, tt.text)
		}
	}
	_, err := c.daemon.Workloads.RevokeGrants(t.Context(), &reactorv1.RevokeGrantsRequest{Id: "reader", Indices: []uint32{9, 1, 8}})
	if err == nil || !strings.Contains(err.Error(), "none at 9") || testkit.ReasonOf(err) != "INVALID_ARGUMENT" {
		t.Errorf("indices that do not exist: %v", err)
	}
	if got := c.daemon.Status(t, "reader").GetRevokedGrants(); len(got) != 0 {
		t.Errorf("revoked are %v, by a call that failed", got)
	}
	c.must(t, "cancel", "reader")
}
