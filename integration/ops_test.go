package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestOpsOfMany: what many workloads wait for can be counted, selected, put in order and watched.
func TestOpsOfMany(t *testing.T) {
	c := newCtl(t, serve(t))
	push := func(tag string, binary []byte) {
		if _, err := c.daemon.TryPush(t.Context(), binary, tag); err != nil {
			t.Fatal(err)
		}
	}
	push("sleeper", examples.Sleeper)
	upper, err := os.ReadFile("../examples/rust-upper/upper.wasm")
	if err != nil {
		t.Fatal(err)
	}
	push("upper", upper)
	push("serve", serve(t))
	c.must(t, "submit", "--id", "first", "sleeper", "1", "100000000")
	until(t, "the first waits", func() bool { return strings.Contains(c.must(t, "ops", "first"), "timer") })
	c.must(t, "submit", "--name", "later", "--count", "2", "--label", "app=later", "sleeper", "1", "100000000")
	c.must(t, "submit", "--id", "reader", "-i", "upper")
	c.must(t, "submit", "--id", "server", "--listen", "127.0.0.1:0", "serve")

	summary := func() *reactorv1.SummarizeOpsResponse {
		s := &reactorv1.SummarizeOpsResponse{}
		if err := protojson.Unmarshal([]byte(c.must(t, "ops", "--summary", "-o", "json")), s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	address := ""
	until(t, "all wait", func() bool {
		s := summary()
		counts := map[string]uint64{}
		for _, g := range s.GetGroups() {
			if g.GetKind() == reactorv1.OpKind_OP_KIND_ACCEPT {
				address = g.GetTarget()
			}
			counts[g.GetKind().String()+g.GetTarget()] = g.GetCount()
		}
		return counts["OP_KIND_TIMER"] >= 3 && counts["OP_KIND_READ"] == 1 && address != "" && s.GetWaiting() == 5 && s.GetStuck() == 0
	})
	if g := summary().GetGroups()[0]; g.GetKind() != reactorv1.OpKind_OP_KIND_TIMER || g.GetOldestWorkloadId() == "" || g.GetOldestStartTime() == nil {
		t.Errorf("the largest group is %v", g)
	}
	// A Go program wakes up now and then for what its runtime does in the background.
	until(t, "the summary says so in words", func() bool {
		text, notes, _ := c.run(t, "", "ops", "--summary")
		for _, want := range []string{`(?m)^ *\d  sleeping +\d+s +\S+$`, `1  reading standard input `, `1  accepting at ` + address + ` .* server\n`} {
			if !regexp.MustCompile(want).MatchString(text) {
				return false
			}
		}
		return notes == "" && strings.HasSuffix(text, "\n5 workloads wait\n")
	})
	for range 20 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	until(t, "its clients are one group", func() bool {
		return strings.Contains(c.must(t, "ops", "--summary"), " 20  reading from clients of "+address+" ")
	})
	until(t, "the server's grant is shown", func() bool {
		return strings.Contains(c.must(t, "ops", "server", "-o", "wide"), "listen:127.0.0.1:0")
	})
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--kind", "read"}, "reader"},
		{[]string{"--kind", "accept", "--target", "127.0.0.1:*"}, "server"},
		{[]string{"--target", address, "--kind", "accept"}, "server"},
		{[]string{"--kind", "timer,accept", "-l", "app=later", "--sort", "age"}, "later-"},
		{[]string{"--kind", "timer", "--sort", "age", "--limit", "2", "--older-than", "1ms"}, "first"},
	} {
		until(t, fmt.Sprintf("ops %q lists %s", tc.args, tc.want), func() bool {
			out, _, status := c.run(t, "", append([]string{"ops"}, tc.args...)...)
			return status == 0 && strings.Contains(out, "\n"+tc.want)
		})
	}
	for _, none := range [][]string{{"--older-than", "1h"}, {"--kind", "connect"}, {"--target", "10.*"}, {"--sort", "age", "--older-than", "1h"}} {
		if out := c.must(t, append([]string{"ops", "-o", "name"}, none...)...); out != "" {
			t.Errorf("ops %q lists %q", none, out)
		}
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--kind", "nap"}, "give accept, call, connect, file,"},
		{[]string{"--sort", "size"}, "give workload or age"},
		{[]string{"--summary", "first"}, "give no id"},
		{[]string{"--summary", "--sort", "age"}, "give no --sort"},
		{[]string{"--older-than", "-1s"}, "zero or more"},
	} {
		if _, errs, status := c.run(t, "", append([]string{"ops"}, tc.args...)...); status != 125 || !strings.Contains(errs, tc.want) {
			t.Errorf("ops %q: status %d, %s", tc.args, status, errs)
		}
	}
	var terminals []*testkit.Terminal
	for _, columns := range []int{80, 200} {
		term := c.onTerminal(t, columns, 12, "ops", "--summary", "-w")
		term.Until("it counts", func(screen string) bool {
			return strings.Contains(screen, "accepting at") && strings.Contains(screen, "\n5 workloads wait")
		})
		terminals = append(terminals, term)
	}
	c.must(t, "cancel", "reader", "server")
	for _, term := range terminals {
		term.Until("it counts those that are left", func(screen string) bool {
			return !strings.Contains(screen, "accepting at") && strings.Contains(screen, "3 workloads wait")
		})
	}
}

// TestAgeOfSilentPeer: among the peers of a server that polls its sockets the silent ones grow old, however often a chatty
// one wakes it.
func TestAgeOfSilentPeer(t *testing.T) {
	c := newCtl(t, serve(t))
	if _, err := c.daemon.TryPush(t.Context(), serve(t), "serve"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "submit", "--id", "server", "--listen", "127.0.0.1:0", "serve")
	list := func(flags ...string) map[string]*reactorv1.Op {
		page := &reactorv1.ListOpsResponse{}
		if err := protojson.Unmarshal([]byte(c.must(t, append([]string{"ops", "-o", "json"}, flags...)...)), page); err != nil {
			t.Fatal(err)
		}
		byTarget := map[string]*reactorv1.Op{}
		for _, op := range page.GetOps() {
			byTarget[op.GetTarget()] = op
		}
		return byTarget
	}
	listener := ""
	until(t, "it accepts", func() bool {
		for target, op := range list("--kind", "accept") {
			listener = target
			return op.GetWorkloadId() == "server"
		}
		return false
	})
	dial := func() (net.Conn, string) {
		conn, err := net.Dial("tcp", listener)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn, conn.LocalAddr().String()
	}
	_, silentAt := dial()
	chatty, chattyAt := dial()
	var before map[string]*reactorv1.Op
	until(t, "it reads from both and accepts", func() bool {
		before = list()
		return before[silentAt] != nil && before[chattyAt] != nil && before[listener] != nil
	})
	const size = 64
	for range 20 {
		if _, err := chatty.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(chatty, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	var after map[string]*reactorv1.Op
	until(t, "it waits again", func() bool {
		after = list()
		chatty := after[chattyAt]
		return chatty.GetTransferred() == 20*size && after[silentAt] != nil && after[listener] != nil
	})
	start := func(ops map[string]*reactorv1.Op, target string) time.Time {
		return ops[target].GetStartTime().AsTime()
	}
	for _, quiet := range []string{silentAt, listener} {
		if a, b := start(before, quiet), start(after, quiet); !a.Equal(b) {
			t.Errorf("the wait for %s began at %v, and after a chat with another peer at %v", quiet, a, b)
		}
	}
	if a, b := start(before, chattyAt), start(after, chattyAt); !a.Before(b) {
		t.Errorf("the wait for the chatty peer began at %v, and after the chat at %v", a, b)
	}
	age := time.Since(start(after, silentAt)).Truncate(time.Microsecond)
	if list("--older-than", age.String())[silentAt] == nil {
		t.Errorf("ops does not list the silent peer as older than %v", age)
	}
	if sorted := c.must(t, "ops", "--sort", "age", "-o", "json"); strings.Index(sorted, silentAt) > strings.Index(sorted, chattyAt) {
		t.Errorf("the chatty peer is the older one:\n%s", sorted)
	}
	_, another := dial()
	until(t, "a connection begins the age of accepting anew", func() bool {
		after = list()
		return after[another] != nil && after[listener] != nil && start(before, listener).Before(start(after, listener))
	})
}

// TestWallTime: a workload's waits add up to the time that it waited, by kind, and all of it to no more than its life; also
// once it has ended.
func TestWallTime(t *testing.T) {
	c := newCtl(t)
	if _, err := c.daemon.TryPush(t.Context(), examples.Sleeper, "sleeper"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "submit", "--id", "naps", "sleeper", "20", "5")
	c.daemon.WaitFor(t, "naps")
	s := c.daemon.Status(t, "naps")
	u := s.GetUsage()
	var waited time.Duration
	naps := uint64(0)
	for _, w := range u.GetWaits() {
		waited += w.GetTime().AsDuration()
		if w.GetKind() == reactorv1.OpKind_OP_KIND_TIMER {
			naps = w.GetCount()
		}
	}
	if waited != u.GetWaitingTime().AsDuration() || naps < 20 {
		t.Errorf("it has waited for %v, of which by kind %v: %v", u.GetWaitingTime().AsDuration(), waited, u.GetWaits())
	}
	ready := u.GetReadyTime().AsDuration()
	if life := s.GetEndTime().AsTime().Sub(s.GetStartTime().AsTime()); waited+ready > life || waited+ready < 90*time.Millisecond || ready <= 0 {
		t.Errorf("in %v it has waited for %v and was ready for %v", life, waited, ready)
	}
	if out := c.must(t, "status", "naps"); !regexp.MustCompile(`(?m)^waited +\S+: .*timer \S+ in \d+ waits`).MatchString(out) {
		t.Errorf("status says:\n%s", out)
	}
	if s.GetStuck() != "" {
		t.Errorf("one that has ended is stuck: %q", s.GetStuck())
	}
}

// What waits for datagrams names the address as the flags do, and is told apart from TCP by that.
func TestOpsOfDatagrams(t *testing.T) {
	c := newCtl(t, sockets(t))
	guest := socketsFile(t)
	_, peer := testkit.Datagrams(t)
	c.must(t, "submit", "--id", "serves", "--listen", "udp:127.0.0.1:0", guest, "recvfrom 3 9")
	c.must(t, "submit", "--id", "asks", "--dial", "udp:"+peer, guest, "open udp4", "connect 3 "+peer, "recv 3 9")
	serving := c.listenAddress(t, "serves")
	if !strings.HasPrefix(serving, "udp:127.0.0.1:") || strings.HasSuffix(serving, ":0") {
		t.Errorf("it listens on %q", serving)
	}
	if text := c.must(t, "status", "serves"); !strings.Contains(text, "\nlistens on    "+serving+"\n") {
		t.Errorf("its status:\n%s", text)
	}
	for id, target := range map[string]string{"serves": serving, "asks": "udp:" + peer} {
		c.waitsFor(t, id, reactorv1.OpKind_OP_KIND_READ)
		if text := c.must(t, "ops", id); !regexp.MustCompile(`\nread +` + target + ` `).MatchString(text) {
			t.Errorf("ops of %s:\n%s", id, text)
		}
		if text := c.must(t, "status", id); !strings.Contains(text, "read "+target+" for ") {
			t.Errorf("status of %s:\n%s", id, text)
		}
		if text := c.must(t, "ops", "--target", target, "-o", "name"); strings.TrimSpace(text) != id {
			t.Errorf("ops --target %s lists %q", target, text)
		}
		if text := c.must(t, "ops", "--target", strings.TrimPrefix(target, "udp:"), "-o", "name"); text != "" {
			t.Errorf("as TCP: %q", text)
		}
	}
	if text := c.must(t, "ops", "--summary"); !strings.Contains(text, "reading from "+serving) || !strings.Contains(text, "reading from udp:"+peer) {
		t.Errorf("the summary:\n%s", text)
	}
	c.must(t, "cancel", "serves", "asks")
}
