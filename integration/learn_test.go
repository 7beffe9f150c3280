package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/integration/internal/testkit"
	"github.com/reactord/reactord/reactor/policy"
)

// TestLearnGrants: a program that runs with the flags that were proposed after each of its runs is refused nothing in the
// end, and without one of them it is refused something.
func TestLearnGrants(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, example(t, "http-dial")), "--allow-connect=*:*", "--allow-resolve=*"))
	guest := exampleFile(t, "http-dial")
	everywhere, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: everywhere, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "page\n")
	})}}
	server.Start()
	defer server.Close()
	_, port, _ := net.SplitHostPort(everywhere.Addr().String())
	proposals := map[string]string{
		"127.0.0.1": "--dial 127.0.0.1:" + port,
		"localhost": "--dial localhost:" + port,
	}
	if name, at := machine(t); name != "" {
		proposals[name] = "--resolve " + name + " --dial " + at + ":" + port
	}
	for host, want := range proposals {
		t.Run(host, func(t *testing.T) {
			runs := 0
			// try runs the program with flags, and returns those that it lacks.
			try := func(flags []string) (missing []string) {
				runs++
				id := fmt.Sprintf("%s-%d", host, runs)
				args := append([]string{"run", "--id", id, "--grants", "report"}, flags...)
				out, errs, status := c.run(t, "", append(args, guest, "http://"+host+":"+port)...)
				_, proposal, refused := strings.Cut(c.must(t, "grants", id), "enough for that: ")
				if !refused && (status != 0 || out != "page\n") {
					t.Fatalf("with %q: status %d, %q, %s; %q is proposed", flags, status, out, errs, proposal)
				}
				return strings.Fields(proposal)
			}
			var flags []string
			for missing := try(nil); len(missing) > 0; missing = try(flags) {
				flags = append(flags, missing...)
				if runs > 2 {
					t.Fatalf("%q are not enough", flags)
				}
			}
			if got := strings.Join(flags, " "); got != want {
				t.Errorf("it was granted %q, want %q", got, want)
			}
			c.must(t, append(append([]string{"run"}, flags...), guest, "http://"+host+":"+port)...) // nothing is reported
			for i := 0; i < len(flags); i += 2 {
				fewer := slices.Delete(slices.Clone(flags), i, i+2)
				if missing := try(fewer); !slices.Equal(missing, flags[i:i+2]) {
					t.Errorf("with %q %q are proposed", fewer, missing)
				}
				args := append([]string{"run"}, fewer...)
				if _, errs, status := c.run(t, "", append(args, guest, "http://"+host+":"+port)...); status == 0 {
					t.Errorf("with %q it succeeds, %s", fewer, errs)
				}
			}
		})
	}
}

// machine returns the name of this machine and the one address that it leads to, if that is a private one or the like.
func machine(t *testing.T) (name, address string) {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	name, err = network.HostName(name)
	addrs, notFound := net.DefaultResolver.LookupNetIP(t.Context(), "ip", name)
	if err != nil || notFound != nil || name == "localhost" || len(addrs) != 1 || !addrs[0].Unmap().Is4() || !policy.IsSpecial(addrs[0]) {
		t.Logf("the name of this machine leads to no single private address: %q, %v", name, addrs)
		return "", ""
	}
	return name, addrs[0].Unmap().String()
}

// What the operator does not allow is told as such, and no flag is proposed for it.
func TestForbiddenIsTold(t *testing.T) {
	c := newCtlOf(t, testkit.StartGuarded(t, testkit.DataDir(t, example(t, "http-dial")), nil, "--listen=127.0.0.1:0", "--insecure-no-auth", "--allow-connect=*:443"))
	guest := exampleFile(t, "http-dial")
	want := "refused by the operator, whatever is granted: connect 127.0.0.1:99; see `reactorctl grants forbidden`"
	for _, args := range [][]string{{"run", "--id", "forbidden", guest, "http://127.0.0.1:99"}, {"wait", "forbidden"}} {
		if _, errs, status := c.run(t, "", args...); status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, %s", args[0], status, errs)
		}
	}
	if text := c.must(t, "status", "forbidden"); !strings.Contains(text, "by the operator, whatever is granted: connect 127.0.0.1:99") {
		t.Errorf("status:\n%s", text)
	}
	table, notes, _ := c.run(t, "", "grants", "forbidden")
	if !strings.Contains(table, "leave of the operator") || strings.Contains(table, "enough for that") || !strings.Contains(notes, "no flag helps") {
		t.Errorf("grants:\n%s%s", table, notes)
	}
}

// A guest knows only that something was denied: who runs it is told what, and which flags would have been enough.
func TestRefusedIsTold(t *testing.T) {
	t.Parallel()
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, example(t, "http-dial")), "--allow-connect=*:*", "--allow-resolve=*"))
	guest := exampleFile(t, "http-dial")
	told := func(id, what, enough string) string {
		return "refused for want of a grant: " + what + "; allow it with " + enough + "; see `reactorctl grants " + id + "`"
	}
	for _, tt := range []struct {
		id, url, what, enough string
		flags                 []string
	}{
		{"plain", "http://127.0.0.1:99", "connect 127.0.0.1:99", "--dial 127.0.0.1:99", nil},
		{"named", "http://db.example.org:99", "resolve db.example.org", "--resolve db.example.org", nil},
		{"other", "http://127.0.0.1:99", "connect 127.0.0.1:99", "--dial 127.0.0.1:99", []string{"--dial", "127.0.0.1:98"}},
		{"report", "http://127.0.0.1:99", "connect 127.0.0.1:99", "--dial 127.0.0.1:99", []string{"--grants", "report"}},
	} {
		args := append([]string{"run", "--id", tt.id}, tt.flags...)
		_, errs, status := c.run(t, "", append(args, guest, tt.url)...)
		if want := told(tt.id, tt.what, tt.enough); status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: run: status %d, want %q, got %s", tt.id, status, want, errs)
		}
		if _, errs, _ := c.run(t, "", "wait", tt.id); !strings.Contains(errs, told(tt.id, tt.what, tt.enough)) {
			t.Errorf("%s: wait: %s", tt.id, errs)
		}
		if text := c.must(t, "status", tt.id); !strings.Contains(text, "refused       for want of a grant: "+tt.what+"; allow it with "+tt.enough+"; see ") {
			t.Errorf("%s: status:\n%s", tt.id, text)
		}
		if text := c.must(t, "grants", tt.id); !strings.Contains(text, "enough for that: "+tt.enough) {
			t.Errorf("%s: grants:\n%s", tt.id, text)
		}
	}
	// The operator finds it in the daemon's log, and also what was granted and failed.
	_, errs, status := c.run(t, "", "run", "--id", "failed", "--dial", "127.0.0.1:99", "../examples/http-dial", "http://127.0.0.1:99")
	if status == 0 || !strings.Contains(errs, "refused") {
		t.Errorf("nobody listens there: status %d, %s", status, errs)
	}
	for id, want := range map[string][]string{
		"plain":  {`"kind":"connect"`, `"target":"127.0.0.1:99"`, "no grant covers it", `"times":1`},
		"named":  {`"kind":"resolve"`, `"target":"db.example.org"`, "no grant covers it"},
		"failed": {`"kind":"connect"`, `"target":"127.0.0.1:99"`, "connection refused"},
	} {
		until(t, "the log tells of "+id, func() bool { return networkFailures(c.daemon.Log(), id) != "" })
		lines := networkFailures(c.daemon.Log(), id)
		for _, part := range want {
			if !strings.Contains(lines, part) {
				t.Errorf("the log of %s lacks %s: %s", id, part, lines)
			}
		}
	}
	// Nothing is told of one that did not fail, or was refused nothing.
	if _, errs, _ := c.run(t, "", "run", toolFile(t), "exit", "3"); strings.Contains(errs, "refused") {
		t.Errorf("a guest that was refused nothing: %s", errs)
	}
}

// networkFailures returns the lines of a log about what a workload did not get of the network.
func networkFailures(log, id string) (lines string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "workload did not get what it asked of the network") && strings.Contains(line, `"workload":"`+id+`"`) {
			lines += line
		}
	}
	return lines
}

// What a guest tries without a call that the daemon knows is not refused, so it is told that there is none.
func TestModuleThatCannotDialIsTold(t *testing.T) {
	c := newCtl(t, tool(t))
	const want = "its module calls nothing that connects or looks up names"
	for _, flags := range [][]string{{"--dial", "localhost:1"}, {"--resolve", "localhost"}, {"--grants", "report"}} {
		args := slices.Concat([]string{"run", "--id", "guest"}, flags, []string{toolFile(t), "exit", "3"})
		if _, errs, _ := c.run(t, "", args...); !strings.Contains(errs, want) {
			t.Errorf("%q: run: %s", flags, errs)
		}
		if _, errs, _ := c.run(t, "", "grants", "guest"); !strings.Contains(errs, want) {
			t.Errorf("%q: grants: %s", flags, errs)
		}
		c.must(t, "rm", "guest")
	}
	if _, errs, _ := c.run(t, "", "run", "--dial", "localhost:1", "../examples/c-dial/dial.wasm"); strings.Contains(errs, want) {
		t.Errorf("a guest that can dial: %s", errs)
	}
}
