package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestNetworkGrants: what a client asks for is compared with the operator's lists when it is submitted, and the flags say
// what the API says. A reload changes the lists.
func TestNetworkGrants(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reactord.yaml")
	writeFile(t, file, `
listen: 127.0.0.1:0
insecure-no-auth: true
allow-listen: 127.0.0.1:*
allow-connect: ["*.example.org:443", "10.0.0.0/8:5000-5999"]
allow-resolve: "*.example.org"
allow-http: https://*.example.org
allow-secret: [env:NETWORK_*, file:`+filepath.Dir(file)+`]
`)
	t.Setenv("NETWORK_KEY", "value")
	d := testkit.StartGuarded(t, testkit.DataDir(t, tool(t)), nil, "--config="+file)
	c := newCtlOf(t, d)
	guest := filepath.Join(t.TempDir(), "tool.wasm")
	if err := os.WriteFile(guest, tool(t), 0o600); err != nil {
		t.Fatal(err)
	}
	grants := []struct{ flag, refusal string }{ // nothing: it is allowed
		{"--dial=a.example.org:443", ""},
		{"--dial=*.example.org:443", ""},
		{"--dial=udp:10.0.0.0/24:5000", ""},
		{"--dial=a.example.org:80", "--allow-connect"},
		{"--dial=example.org:443", "--allow-connect"},
		{"--dial=0.0.0.0/0:5000", "--allow-connect"},
		{"--dial=[::ffff:10.0.0.1]:5000", ""},
		{"--dial=[64:ff9b::10.0.0.1]:5000", "--allow-connect"},
		{"--connect=db=10.0.0.1:80", "--allow-connect"},
		{"--connect=127.0.0.1:80,accept", ""},
		{"--connect=10.0.0.1:80,accept", "--allow-listen"},
		{"--connect=a.example.org:443,tls,ca=file:/etc/passwd", "--allow-secret"},
		{"--listen=web=udp:127.0.0.1:0", ""},
		{"--listen=:0", "--allow-listen"},
		{"--resolve=a.example.org", ""},
		{"--resolve=*", "--allow-resolve"},
		{"--http=GET,POST https://a.example.org/api", ""},
		{"--http=http://a.example.org", "--allow-http"},
		{"--secret=KEY=env:NETWORK_KEY", ""},
		{"--secret=KEY=env:NETWORK_NONE", "no such variable"},
		{"--secret=KEY=env:HOME", "--allow-secret"},
		{"--secret=KEY=file:/etc/passwd", "--allow-secret"},
		{"--secret=KEY=file:" + filepath.Dir(file) + "/../../etc/passwd", "--allow-secret"},
		// what is wrong by itself
		{"--dial=127.1:80", "looks like an address"},
		{"--dial=0x7f000001:80", "looks like an address"},
		{"--dial=a.example.org:0", "no port 0"},
		{"--connect=127.0.0.1:0", `--connect "127.0.0.1:0": "0" is not a port`},
		{"--connect=[fe80::1%lo]:80", "zone"},
		{"--connect=a.example.org:443,tls,key=env:NETWORK_KEY", "certificate and its key"},
		{"--connect=a.example.org:443,ca=env:A", "give tls before it"},
		{"--http=ftp://a", "http://"},
		{"--secret=KEY", "NAME=env:NAME"},
		{"--dial=a.example.org:443 --connections=70000", "--connections"},
	}
	check := func(name string, flags []string, refusal string) {
		t.Helper()
		// Of a grant that is allowed but can't be had, such as an address of another machine, only the submission counts.
		_, errs, status := c.run(t, "", append(append([]string{"submit", "--quiet"}, flags...), guest, "exit", "0")...)
		if (status == 0) != (refusal == "") || !strings.Contains(errs, refusal) {
			t.Errorf("%s %q: status %d, %s; want %q", name, flags, status, errs, refusal)
		}
	}
	for _, g := range grants {
		flags := []string{g.flag}
		if flag, more, ok := strings.Cut(g.flag, " --"); ok {
			flags = []string{flag, "--" + more}
		}
		check("at first", flags, g.refusal)
	}

	_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
		Module: "tool", Grants: []*reactorv1.Grant{{}, {Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: "a"}}}},
	}})
	if text := fmt.Sprint(err); !strings.Contains(text, "spec.grants[0]: one of directory, ") || !strings.Contains(text, "spec.grants[1].dial.pattern: ") {
		t.Errorf("an empty grant, and one that is wrong: %v", err)
	}
	_, notes, _ := c.run(t, "", "submit", "--id", "chosen", "--listen", "127.0.0.1:0", guest, "exit", "0")
	if want := "`reactorctl status chosen` shows the address"; !strings.Contains(notes, want) {
		t.Errorf("where the guest listens: %q, want %q", notes, want)
	}

	for flags, want := range map[string]string{
		"--dial udp:10.0.0.0/24:5000 --listen web=127.0.0.1:0":                "dial:udp:10.0.0.0/24:5000",
		"--connect db=127.0.0.1:0,accept --sent-bytes 1MiB --connections 5":   "sent 0 B of 1 MiB",
		"--http https://a.example.org/api --secret KEY=env:NETWORK_KEY":       "secret:KEY=env:NETWORK_KEY",
		"--connect=db=a.example.org:443,tls,alpn=h2:http/1.1 --timeout=1h -d": "connect:db=a.example.org:443,tls,alpn=h2:http/1.1",
	} {
		id := strings.TrimSpace(c.must(t, append(append([]string{"submit", "--quiet"}, strings.Fields(flags)...), guest, "exit", "0")...))
		if text := c.must(t, "status", id); !strings.Contains(text, want) {
			t.Errorf("%s: the status has no %q\n%s", flags, want, text)
		}
	}

	if text := checkConfig(t, file); !strings.Contains(text, "https://*.example.org:443") || !strings.Contains(text, "env:NETWORK_*") {
		t.Errorf("check-config says\n%s", text)
	}
	writeFile(t, file, "listen: 127.0.0.1:0\ninsecure-no-auth: true\nallow-connect: 11.0.0.0/8:*\n")
	d.Signal(syscall.SIGHUP)
	until(t, "the settings are read again", func() bool { return len(logged(t, d, "the settings were read again")) == 1 })
	check("after the reload", []string{"--dial=a.example.org:443"}, "")
	check("after the reload", []string{"--dial=11.0.0.1:1"}, "")
	check("after the reload", []string{"--dial=10.0.0.1:5000"}, "--allow-connect")
	check("after the reload", []string{"--resolve=a.example.org"}, "--allow-resolve")
	check("after the reload", []string{"--secret=KEY=env:NETWORK_KEY"}, "--allow-secret")
}

// TestSecretsStaySecret: a guest gets its secrets, and they are nowhere else. The log tells who was granted what.
func TestSecretsStaySecret(t *testing.T) {
	const fromFile, fromEnvironment = "the-secret-of-the-file", "the-secret-of-the-environment"
	dir := t.TempDir()
	file, data := filepath.Join(dir, "key"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte(fromFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET_OF_TEST", fromEnvironment)
	d := testkit.Start(t, data, "--allow-secret=file:"+dir, "--allow-secret=env:SECRET_OF_*", "--log-level=debug")
	module := d.Push(t, tool(t))
	secret := func(name, ref string) *reactorv1.Grant {
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Secret{Secret: &reactorv1.SecretGrant{Name: name, Ref: ref}}}
	}
	var seen bytes.Buffer
	for ref, value := range map[string]string{"file:" + file: fromFile, "env:SECRET_OF_TEST": fromEnvironment} {
		id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"digest", "KEY"}, Grants: []*reactorv1.Grant{secret("KEY", ref)}})
		if s := d.WaitFor(t, id); s.GetState() != succeeded {
			t.Fatalf("%s: %v", ref, s)
		}
		if got, want := strings.TrimSpace(output(t, d, id)), fmt.Sprintf("%x", sha256.Sum256([]byte(value))); got != want {
			t.Errorf("%s: the guest's secret has the digest %s, want %s", ref, got, want)
		}
		w, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		seen.WriteString(prototext.Format(w))
	}
	_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
		Module: module, Grants: []*reactorv1.Grant{secret("KEY", "file:/etc/hostname")},
	}})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "--allow-secret") {
		t.Errorf("a secret that is not allowed: %v", err)
	}
	d.Stop()

	seen.WriteString(d.Log())
	for _, line := range []string{`"workload submitted with grants"`, `--secret KEY=env:SECRET_OF_TEST`, `"workload refused for its grants"`} {
		if !strings.Contains(d.Log(), line) {
			t.Errorf("the log has no %s", line)
		}
	}
	err = filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		seen.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{fromFile, fromEnvironment} {
		if bytes.Contains(seen.Bytes(), []byte(value)) {
			t.Errorf("%s can be seen", value)
		}
	}
}

// checkConfig returns what check-config prints of a file.
func checkConfig(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "check-config", "--config="+file).CombinedOutput()
	if err != nil {
		t.Errorf("check-config: %v\n%s", err, out)
	}
	return string(out)
}

// output returns what a workload has written.
func output(t *testing.T, d *testkit.Daemon, id string) string {
	t.Helper()
	text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
	return text
}
