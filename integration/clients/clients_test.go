package clients

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// client is one of the example programs, ready to run.
type client struct {
	dir  string
	argv []string
}

// start starts a daemon for clients at a socket.
func start(t *testing.T, data, socket string) *testkit.Daemon {
	t.Helper()
	return testkit.StartGuarded(t, data, nil, "--listen=unix:"+socket)
}

func newSocket(t *testing.T) string { return filepath.Join(t.TempDir(), "s") }

// copyTree copies what the quickstarts use to a new folder, since they install things there.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"examples/clients", "examples/rust-upper", "integration/testdata/components", "proto/reactor"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// offline are the signs that a package registry cannot be reached.
var offline = regexp.MustCompile(`(?i)disabled by GOPROXY|no matching distribution|EAI_FAIL|name resolution|no such host|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network is unreachable|connection refused|timed out|dial tcp`)

// installation is a command that installs packages.
var installation = regexp.MustCompile(`(?m)^.*\b(?:go|pip|npm) install\b.*$`)

// quick runs the commands of a section of the guide in dir, and returns what they print. It skips the test if the command
// need fails, which looks for the tools, or if the registry that they install from cannot be reached.
func quick(t *testing.T, section, dir string, env []string, need string) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", need).CombinedOutput(); err != nil {
		t.Skipf("this machine lacks what it needs: %s: %v\n%s", need, err, out)
	}
	if testing.Short() {
		t.Skip("it installs packages")
	}
	commands := quickstart(t, section)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	installed := filepath.Join(t.TempDir(), "installed")
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", installation.ReplaceAllString(commands, "$0\n: > "+installed))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with what the shell has started
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		_, missing := os.Stat(installed)
		if installs := installation.MatchString(commands); installs && missing != nil && (ctx.Err() != nil || offline.MatchString(stderr.String())) {
			t.Skipf("the packages cannot be installed here: %s", stderr.String())
		}
		t.Fatalf("%s%v\n%s%s", commands, err, &stdout, &stderr)
	}
	return stdout.String()
}

// run runs the program and returns what it prints and its exit status.
func (c client) run(t *testing.T, env []string, input string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := c.command(t, env, input, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil && !isExit(err) {
		t.Fatal(err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

func (c client) command(t *testing.T, env []string, input string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(cancel)
	argv := append(c.argv, args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(input)
	return cmd
}

func isExit(err error) bool {
	_, ok := errors.AsType[*exec.ExitError](err)
	return ok
}

func TestGrpcurl(t *testing.T) {
	t.Parallel()
	d := start(t, t.TempDir(), newSocket(t))
	tools := t.TempDir()
	env := []string{"REACTORD_ADDR=" + d.Address, "GOBIN=" + tools, "PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH")}
	tree := copyTree(t)
	out := quick(t, "grpcurl", tree, env, "go version")
	for _, want := range []string{
		"reactor.v1.WorkloadService\n",          // listed by reflection
		"rpc SubmitWorkload (",                  // described by it
		`"cursor"`,                              // of an empty list
		`"data": "SEVMTE8K"`,                    // HELLO
		`"state": "WORKLOAD_STATE_SUCCEEDED"`,   // of the ended workload
		`"digest": "sha256:`, `"created": true`, // of the module and the submission
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}

	address, token := startTCP(t)
	plain := append(slices.Clone(env), "REACTORD_TOKEN="+token)
	secure, secureToken := startTLS(t)
	secureAddress, _ := strings.CutPrefix(secure[0], "REACTORD_ADDR=")
	for _, line := range strings.Split(strings.TrimSpace(quickstart(t, "Connecting")), "\n") {
		list := client{tree, []string{"sh", "-c", strings.NewReplacer("127.0.0.1:7070", address, "localhost:7070", secureAddress).Replace(line)}}
		with := plain
		if strings.Contains(line, "-cacert") {
			with = slices.Concat(env, secure, []string{secureToken})
		}
		if stdout, stderr, status := list.run(t, with, ""); status != 0 || !strings.Contains(stdout, "reactor.v1.WorkloadService\n") {
			t.Errorf("%s\nstatus %d, output %s, and it says %s", line, status, stdout, stderr)
		}
	}
	script := client{filepath.Join(tree, "examples/clients/grpcurl"), []string{"./run.sh"}}
	stdout, stderr, status := script.run(t, slices.Concat(env, secure, []string{secureToken}), "", write(t, printer("out\n", 0, "", 3)))
	if status != 0 || !strings.Contains(stdout, `"exitCode": 3`) {
		t.Errorf("over TLS: status %d, output %s, and it says %s", status, stdout, stderr)
	}
	testUsage(t, script)
}

func TestPython(t *testing.T) {
	t.Parallel()
	tree := copyTree(t)
	d := start(t, t.TempDir(), newSocket(t))
	env := []string{"REACTORD_ADDR=" + d.Address, "PIP_RETRIES=1"}
	if out := quick(t, "Python", tree, env, `python3 -c "import ensurepip, sys, venv; assert sys.version_info >= (3, 10)"`); !strings.HasSuffix(out, "HELLO\n{\"ok\": 5.0}\nHELLO\n") {
		t.Errorf("the quickstart prints %q", out)
	}
	testProgram(t, client{filepath.Join(tree, "examples/clients/python"), []string{".venv/bin/python", "run.py"}})
	testCalls(t, d, client{filepath.Join(tree, "examples/clients/python"), []string{".venv/bin/python", "call.py"}})
	testStreams(t, d, client{filepath.Join(tree, "examples/clients/python"), []string{".venv/bin/python", "stream.py"}})
}

func TestJavaScript(t *testing.T) {
	t.Parallel()
	tree := copyTree(t)
	d := start(t, t.TempDir(), newSocket(t))
	env := []string{"REACTORD_ADDR=" + d.Address, "npm_config_fetch_retries=1", "npm_config_fetch_retry_mintimeout=1000", "npm_config_logs_max=0"}
	if out := quick(t, "JavaScript", tree, env, `npm --version && node -e "require('assert')(process.versions.node.split('.')[0] >= 20)"`); !strings.HasSuffix(out, "HELLO\n{\"ok\":5}\nHELLO\n") {
		t.Errorf("the quickstart prints %q", out)
	}
	testProgram(t, client{filepath.Join(tree, "examples/clients/javascript"), []string{"node", "run.js"}})
	testCalls(t, d, client{filepath.Join(tree, "examples/clients/javascript"), []string{"node", "call.js"}})
	testStreams(t, d, client{filepath.Join(tree, "examples/clients/javascript"), []string{"node", "stream.js"}})
}

func TestGo(t *testing.T) {
	t.Parallel()
	d := start(t, t.TempDir(), newSocket(t))
	if out := quick(t, "Go", root, []string{"REACTORD_ADDR=" + d.Address}, "go version"); out != "HELLO\n" {
		t.Errorf("the quickstart prints %q", out)
	}
	program := filepath.Join(t.TempDir(), "client") // go run has an exit status of its own
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, root+"/examples/clients/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	testProgram(t, client{".", []string{program}})
}

// testCalls tests what the programs that call functions have in common.
func testCalls(t *testing.T, d *testkit.Daemon, c client) {
	component, err := filepath.Abs(filepath.Join(root, "integration/testdata/components/calc.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"REACTORD_ADDR=" + d.Address}
	spaces := strings.NewReplacer(" ", "", ".0", "")
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"add", "1", "-3"}, 0, "-2"},
		{[]string{"nothing"}, 0, "null"},
		{[]string{"echo-mixed", `{"a":1,"b":2,"c":true,"d":0.5,"e":"ü","f":{"some":7}}`}, 0, `{"a":1,"b":2,"c":true,"d":0.5,"e":"ü","f":{"some":7}}`},
		{[]string{"bounds", `[{"x":1,"y":2},{"x":3,"y":4}]`}, 0, `{"some":[{"x":1,"y":2},{"x":3,"y":4}]}`},
		{[]string{"echo-flags", `["read","append"]`}, 0, `["read","append"]`},
		{[]string{"echo-bytes", `[0,255]`}, 0, `[0,255]`},
		{[]string{"name", `"green"`}, 0, `"green"`},
		{[]string{"divide", "1", "0"}, 0, `{"error":"divisionbyzero"}`},
		{[]string{"echo-u8", "300"}, 125, "spec.call.args[0]: 300 is not a u8"},
		{[]string{"add", "1"}, 125, "add takes 2 arguments"},
		{[]string{"trap"}, 1, "the guest crashed"},
	} {
		out, errs, status := c.run(t, env, "", append([]string{component}, tt.args...)...)
		if got := spaces.Replace(strings.TrimSpace(strings.ReplaceAll(out, `\u00fc`, "ü"))); status != tt.status || status == 0 && got != tt.want || status != 0 && !strings.Contains(errs, tt.want) {
			t.Errorf("%q: status %d, %s%s", tt.args, status, out, errs)
		}
	}
}

// testStreams tests what the programs that call functions with streams have in common.
func testStreams(t *testing.T, d *testkit.Daemon, c client) {
	components, err := filepath.Abs(filepath.Join(root, "integration/testdata/components"))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("abcdefg\n", 100_000)
	for _, tt := range []struct {
		component, args, input string
		status                 int
		want                   string
	}{
		{"flow", "upper -", "hello", 0, "HELLO"},
		{"flow", "upper -", long, 0, strings.ToUpper(long)},
		{"flow", "total [1,2,39]", "", 0, "42\n"},
		{"flow", "count 1 3", "", 0, "1\n2\n3\n"},
		{"flow", `later "now"`, "", 0, "\"now\"\n"},
		{"streams", `zip [1,2,3] ["a","b"]`, "", 0, "[1,\"a\"]\n[2,\"b\"]\n"},
		{"streams", "check 7", "", 0, "{\"ok\":7}\n"},
		{"flow", "deadlock", "", 1, "the guest crashed"},
		{"flow", "nonesuch", "", 125, "there is no function nonesuch"},
	} {
		args := append([]string{filepath.Join(components, tt.component+".wasm")}, strings.Fields(tt.args)...)
		out, errs, status := c.run(t, []string{"REACTORD_ADDR=" + d.Address}, tt.input, args...)
		if status != tt.status || status == 0 && strings.ReplaceAll(out, " ", "") != tt.want || status != 0 && !strings.Contains(errs, tt.want) {
			t.Errorf("%s: status %d, %.200q %s", tt.args, status, out, errs)
		}
	}
	endless := []string{"--first", "3", filepath.Join(components, "flow.wasm"), "count", "1", "4000000000"}
	if out, errs, status := c.run(t, []string{"REACTORD_ADDR=" + d.Address}, "", endless...); status != 0 || out != "1\n2\n3\n" {
		t.Errorf("cancelled after 3 items: status %d, %.200q %s", status, out, errs)
	}
}

// testProgram tests what the example programs have in common.
func testProgram(t *testing.T, c client) {
	t.Run("usage", func(t *testing.T) { testUsage(t, c) })
	t.Run("ends", func(t *testing.T) { testEnds(t, c) })
	t.Run("over TLS", func(t *testing.T) { testTLS(t, c) })
	t.Run("restart", func(t *testing.T) { testRestart(t, c) })
}

// testUsage: what is missing is told in a line, without a stack.
func testUsage(t *testing.T, c client) {
	const daemon, missing = "REACTORD_ADDR=unix:/nobody/listens/here", "/no/such/guest.wasm"
	for _, tc := range []struct {
		name, daemon string
		args         []string
		stderr       string // a part
	}{
		{"no arguments", daemon, nil, "GUEST.wasm"},
		{"no daemon", "REACTORD_ADDR=", []string{missing}, "REACTORD_ADDR"},
		{"no such file", daemon, []string{missing}, missing},
	} {
		_, stderr, status := c.run(t, []string{tc.daemon}, "", tc.args...)
		if status == 0 || !strings.Contains(stderr, tc.stderr) || strings.Contains(stderr, "Traceback") || strings.Contains(stderr, "    at ") {
			t.Errorf("%s: status %d, and it says %q", tc.name, status, stderr)
		}
	}
}

// testEnds: the exit status is the guest's, and an error is told with its reason.
func testEnds(t *testing.T, c client) {
	d := start(t, t.TempDir(), newSocket(t))
	env := []string{"REACTORD_ADDR=" + d.Address}
	trap, err := os.ReadFile("../testdata/wat/trap.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		module []byte
		args   []string
		stdout string
		stderr string // a part
		status int
	}{
		{"a status", printer("out\n", 0, "", 3), nil, "out\n", "", 3},
		{"a trap", trap, nil, "", "", 1},
		{"no module", []byte("nothing"), nil, "", "MODULE_INVALID: ", 125},
		{"a fault of the request", printer("", 0, "", 0), slices.Repeat([]string{"x"}, 4097), "", "INVALID_ARGUMENT: spec.args", 125},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stdout, stderr, status := c.run(t, env, "", append([]string{write(t, tc.module)}, tc.args...)...)
			if status != tc.status || stdout != tc.stdout || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("status %d, output %q, and it says %q", status, stdout, stderr)
			}
		})
	}
}

// startTLS starts a daemon with a certificate. It returns where it is and its authority, as variables of the environment,
// and the variable with its token.
func startTLS(t *testing.T) (address []string, token string) {
	t.Helper()
	authority := testkit.NewAuthority(t)
	data, certs := t.TempDir(), t.TempDir()
	cert, key := filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	authority.Issue("localhost", cert, key)
	d := testkit.StartGuarded(t, data, []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: authority.Pool()})),
	}, "--listen=127.0.0.1:0", "--tls-cert="+cert, "--tls-key="+key)
	secret, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(d.Address, ":")
	return []string{"REACTORD_ADDR=localhost:" + port, "REACTORCTL_TLS_CA=" + authority.File}, "REACTORD_TOKEN=" + strings.TrimSpace(string(secret))
}

// startTCP starts a daemon without a certificate. It returns where it is and its token.
func startTCP(t *testing.T) (address, token string) {
	t.Helper()
	data := t.TempDir()
	d := testkit.StartGuarded(t, data, nil, "--listen=127.0.0.1:0")
	secret, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return d.Address, strings.TrimSpace(string(secret))
}

// testTLS: the token and the authority of the daemon's certificate are used.
func testTLS(t *testing.T, c client) {
	env, token := startTLS(t)
	guest := write(t, printer("out\n", 0, "", 0))
	if _, stderr, status := c.run(t, env, "", guest); status != 125 || !strings.Contains(stderr, "UNAUTHENTICATED: ") {
		t.Errorf("without a token: status %d, and it says %q", status, stderr)
	}
	if stdout, stderr, status := c.run(t, append(env, token), "", guest); status != 0 || stdout != "out\n" || stderr != "" {
		t.Errorf("status %d, output %q, and it says %q", status, stdout, stderr)
	}
}

// testRestart: a client that follows a workload goes on with it after a restart of the daemon, and gets no byte twice.
func testRestart(t *testing.T, c client) {
	data, socket := t.TempDir(), newSocket(t)
	d := start(t, data, socket)
	cmd := c.command(t, []string{"REACTORD_ADDR=" + d.Address}, "", write(t, printer("begin\n", 2*time.Second, "end\n", 7)))
	out := &output{first: make(chan struct{})}
	var problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-out.first:
	case err := <-ended:
		t.Fatalf("it ended without output: %v\n%s", err, &problems)
	}
	d.Stop()
	start(t, data, socket)
	if err := <-ended; err != nil && !isExit(err) {
		t.Fatal(err)
	}
	// Each attempt begins anew. Only on a slow machine has the first one ended before the daemon.
	got, status := out.String(), cmd.ProcessState.ExitCode()
	if status != 7 || got != "begin\nbegin\nend\n" && got != "begin\nend\n" {
		t.Errorf("status %d, output %q\n%s", status, got, &problems)
	}
}

// output collects what is written. first is closed at the first write.
type output struct {
	first chan struct{}
	once  sync.Once
	mu    sync.Mutex
	text  bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.once.Do(func() { close(o.first) })
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func write(t *testing.T, module []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(file, module, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const wasi = "wasi_snapshot_preview1"

// printer returns a guest that prints text, sleeps, prints more, and exits with a status.
func printer(text string, pause time.Duration, more string, status int64) []byte {
	const iovec, subscription, event, scratch, texts = 0, 64, 128, 192, 256
	var p testkit.Program
	fdWrite := p.Import(wasi, "fd_write", "iiii", true)
	poll := p.Import(wasi, "poll_oneoff", "iiii", true)
	exit := p.Import(wasi, "proc_exit", "i", false)
	say := func(text string) {
		p.Store(texts, text)
		p.Store(iovec, string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, texts), uint32(len(text)))))
		p.Call(fdWrite, 1, iovec, 1, scratch)
	}
	say(text)
	if pause > 0 {
		clock := make([]byte, 48) // user data, the kind: a clock, its id: monotonic, then the time
		clock[16] = 1
		binary.LittleEndian.PutUint64(clock[24:], uint64(pause))
		p.Store(subscription, string(clock))
		p.Call(poll, subscription, event, 1, scratch)
	}
	say(more)
	p.Call(exit, status)
	return p.Bytes("")
}
