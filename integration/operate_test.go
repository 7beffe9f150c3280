package integration

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// writeFile writes a file of the daemon's operator.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logLine is what tests look for in a line of the log.
type logLine struct {
	Level, Msg, Setting, From, To, Source string
	Faults                                []string
	Changed                               int
	ForNextStart                          int `json:"for_next_start"`
}

// logged returns the lines of the daemon's log with a message.
func logged(t *testing.T, d *testkit.Daemon, message string) (lines []logLine) {
	t.Helper()
	for text := range strings.Lines(d.Log()) {
		var line logLine
		if json.Unmarshal([]byte(text), &line) == nil && line.Msg == message {
			lines = append(lines, line)
		}
	}
	return lines
}

// SIGHUP has the daemon take over what can change while it runs, and say what cannot. A faulty file changes nothing.
func TestReload(t *testing.T) {
	const done, faulty = "the settings were read again", "the settings were read again and have faults: nothing has changed"
	file := filepath.Join(t.TempDir(), "reactord.yaml")
	writeFile(t, file, "max-timeout: 1m\nworkers: 1\n")
	d := testkit.Start(t, testkit.DataDir(t, tool(t)), "--config="+file)
	module := d.Push(t, tool(t))
	reload := func(text, message string, count int) {
		t.Helper()
		writeFile(t, file, text)
		d.Signal(syscall.SIGHUP)
		until(t, message, func() bool { return len(logged(t, d, message)) == count })
	}
	takesAnHour := func() bool {
		t.Helper()
		resp, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"cat"}, Limits: &reactorv1.Limits{Timeout: durationpb.New(time.Hour)},
		}})
		if err == nil {
			d.WaitFor(t, resp.GetWorkload().GetId())
		} else if status.Code(err) != codes.InvalidArgument {
			t.Fatal(err)
		}
		return err == nil
	}
	if takesAnHour() {
		t.Error("a timeout of an hour was taken before the maximum was raised")
	}

	reload("max-timeout: 2h\nworkers: 2\nlog-level: debug\n", done, 1)
	if !takesAnHour() {
		t.Error("a timeout of an hour was not taken after the maximum was raised")
	}
	if !strings.Contains(d.Log(), `"level":"debug"`) {
		t.Error("the log's level has not changed")
	}
	changed, later := logged(t, d, "a setting has changed"), logged(t, d, "a setting has changed and takes effect at the next start")
	want := logLine{Level: "info", Msg: "a setting has changed", Setting: "max-timeout", From: "1m", To: "2h", Source: file}
	if !slices.ContainsFunc(changed, func(l logLine) bool {
		return l.Setting == want.Setting && l.From == want.From && l.To == want.To && l.Source == want.Source
	}) {
		t.Errorf("no line tells of %+v: %+v", want, changed)
	}
	if len(later) != 1 || later[0].Level != "warn" || later[0].Setting != "workers" {
		t.Errorf("of what waits for the next start it tells %+v", later)
	}

	reload("max-timeout: 3h\nmax-stack: lots\nqueue: many\n", faulty, 1)
	if faults := logged(t, d, faulty)[0].Faults; len(faults) != 2 || !strings.Contains(faults[0]+faults[1], "max-stack") {
		t.Errorf("the faults are %q", faults)
	}
	if !takesAnHour() {
		t.Error("a faulty file changed something")
	}
	d.Stop()
}

// At SIGHUP the daemon reads its token again, and makes another if it was removed. A faulty token changes nothing.
func TestReloadToken(t *testing.T) {
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	path := filepath.Join(dir, "token")
	admitted := func(token string) bool {
		conn, err := grpc.NewClient(d.Address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(token)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = reactorv1.NewNodeServiceClient(conn).GetNode(t.Context(), &reactorv1.GetNodeRequest{})
		return err == nil
	}
	read := func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	old := read()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	until(t, "the old token is refused", func() bool { return !admitted(old) })
	if !admitted(read()) {
		t.Error("the new token is refused")
	}
	until(t, "the log tells of the new token", func() bool { return len(logged(t, d, "the token has changed")) == 1 })
	good := read()
	d.Signal(syscall.SIGHUP)
	until(t, "the token was read again", func() bool { return len(logged(t, d, "the settings were read again")) == 2 })
	if n := len(logged(t, d, "the token has changed")); n != 1 {
		t.Errorf("of one change of the token the log tells %d times", n)
	}
	writeFile(t, path, "short\n")
	d.Signal(syscall.SIGHUP)
	until(t, "the log tells of the faulty token", func() bool { return strings.Contains(d.Log(), "has a token of 5 characters") })
	if !admitted(good) {
		t.Error("a faulty token changed something")
	}
}

// check-config shows what a daemon would run with, and tells all faults at once.
func TestCheckConfig(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "reactord.yaml")
	check := func(flags ...string) (out string, exit int) {
		cmd := exec.Command(testkit.Binary(t, "reactord"), append([]string{"check-config"}, flags...)...)
		cmd.Env = environment(dir, "REACTORD_RETAIN=1h")
		text, _ := cmd.CombinedOutput()
		return string(text), cmd.ProcessState.ExitCode()
	}
	writeFile(t, file, "queue: 5\nlisten: 127.0.0.1:0\n")
	out, exit := check("--config="+file, "--workers=3", "-o", "json")
	var settings []struct {
		Name, Value, Source string
		Reloaded            bool
	}
	if err := json.Unmarshal([]byte(out), &settings); err != nil || exit != 0 {
		t.Fatalf("status %d, %v: %s", exit, err, out)
	}
	type row = struct {
		Name, Value, Source string
		Reloaded            bool
	}
	for _, want := range []row{
		{"queue", "5", file, true},
		{"workers", "3", "--workers", false},
		{"retain", "1h", "$REACTORD_RETAIN", true},
		{"allow-dir", "none", "default", true},
		{"max-memory", "4GiB", "default", true},
	} {
		if !slices.Contains(settings, want) {
			t.Errorf("%+v is not there: %s", want, out)
		}
	}
	if out, exit = check("--config=" + file); exit != 0 || !strings.Contains(out, "SETTING") || !strings.Contains(out, "$REACTORD_RETAIN") {
		t.Errorf("status %d: %s", exit, out)
	}

	writeFile(t, file, "queue: many\nmax-memroy: 1GiB\nlisten: 127.0.0.1:0\n")
	if out, exit = check("--config="+file, "--max-stack=1x"); exit != 1 || strings.Count(out, "\n  ") != 3 || !strings.Contains(out, "3 faults") {
		t.Errorf("status %d: %s", exit, out)
	}
	writeFile(t, file, "listen: 127.0.0.1:0\ntls-cert: /nowhere\ntls-key: /nowhere\ndata-dir: "+dir+"\n")
	writeFile(t, filepath.Join(dir, "token"), "short\n")
	if out, exit = check("--config=" + file); exit != 1 || !strings.Contains(out, "--tls-cert") || !strings.Contains(out, "token") {
		t.Errorf("status %d: %s", exit, out)
	}
}

// Two signals at once, as timeout(1) sends them, drain as one does.
func TestSignalsAtOnce(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)), "--grace-period=1h")
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"cat"}, Interactive: true})
	input := attach(t.Context(), t, d.Client, id)
	until(t, "it waits", func() bool { return d.Status(t, id).GetState() == waiting })
	d.Signal(syscall.SIGTERM)
	d.Signal(syscall.SIGTERM)
	until(t, "the daemon drains", func() bool {
		health, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err == nil && health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	d.Signal(syscall.SIGHUP) // neither ends it nor is forgotten to be mentioned
	until(t, "the log mentions the settings", func() bool { return strings.Contains(d.Log(), "not read again, since the daemon drains") })
	if err := input.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if exit := d.Wait(); exit != 0 {
		t.Errorf("exit status %d, want 0", exit)
	}
}

// The daemon serves at sockets that systemd has opened, and tells systemd what it does.
func TestSystemd(t *testing.T) {
	binary, dir := testkit.Binary(t, "reactord"), shortDir(t)
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	state := func(want string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1024)
		n, err := manager.Read(buffer)
		if err != nil || !strings.HasPrefix(string(buffer[:n]), want) {
			t.Fatalf("systemd was told %q, %v; want %q", buffer[:n], err, want)
		}
	}
	path := filepath.Join(dir, "api")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, binary, "--data-dir="+filepath.Join(dir, "data"), "--grace-period=none")
	cmd.Env = environment(dir, "LISTEN_FDS=1", "LISTEN_FDNAMES=api", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	state("READY=1")
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := reactorv1.NewNodeServiceClient(conn).GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Errorf("at the socket of systemd: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	state("RELOADING=1\nMONOTONIC_USEC=")
	state("READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	state("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		t.Error("the socket, which is systemd's, is gone")
	}
}

// A descriptor from systemd that is no stream socket which listens is refused at the start.
func TestSystemdHandsOverWhatDoesNotListen(t *testing.T) {
	dir := shortDir(t)
	socket := func(kind int, bound string) *os.File {
		t.Helper()
		fd, err := unix.Socket(unix.AF_UNIX, kind, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, bound)}); err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fd), bound)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	packets, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: filepath.Join(dir, "packets"), Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	listening, err := packets.File()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]*os.File{
		"bound only": socket(unix.SOCK_STREAM, "stream"),
		"datagrams":  socket(unix.SOCK_DGRAM, "datagrams"),
		"packets":    listening,
		"a pair":     os.NewFile(uintptr(pair[0]), "pair"),
	} {
		t.Run(name, func(t *testing.T) {
			defer file.Close()
			cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, testkit.Binary(t, "reactord"), "--data-dir="+filepath.Join(dir, "data"))
			cmd.Env = environment(dir, "LISTEN_FDS=1", "LISTEN_FDNAMES=api")
			cmd.ExtraFiles = []*os.File{file}
			output, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(output), "no stream socket that listens") {
				t.Errorf("status %d: %s", cmd.ProcessState.ExitCode(), output)
			}
		})
	}
}

// The lives of workloads are in the log: of a flood a bounded number of lines, and how many others there were.
func TestLifeInLog(t *testing.T) {
	const flood = 500
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	spec := sleeper(t, d.Client, time.Millisecond)
	for _, id := range d.SubmitMany(t, spec, flood) {
		d.WaitFor(t, id)
	}
	bad := d.Run(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"exit", "3"}})
	d.Stop()
	lines, told, failures := 0, 0, 0
	for text := range strings.Lines(d.Log()) {
		var line struct {
			Msg, State, Reason, CPU       string
			Submitted, Started, Succeeded int
			PeakMemoryBytes               uint64 `json:"peak_memory_bytes"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		switch line.Msg {
		case "workload submitted", "workload started":
			lines++
		case "workload ended":
			lines++
			if line.State == "FAILED" {
				failures++
			}
			if line.Reason == "" || line.PeakMemoryBytes == 0 || !strings.HasSuffix(line.CPU, "s") {
				t.Errorf("an end is told of as %s", text)
			}
		case "more workloads than are logged one by one":
			told += line.Submitted + line.Started + line.Succeeded
		}
	}
	if lines+told != 3*(flood+1) || lines > 3*flood/2 {
		t.Errorf("%d lines, and %d more counted, of %d workloads", lines, told, flood+1)
	}
	if bad.GetState() == failed && failures != 1 {
		t.Errorf("%d failures are told of, want 1", failures)
	}
}
