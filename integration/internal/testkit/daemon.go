package testkit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Patience is how long a test waits for something that takes milliseconds on an idle machine. On a busy one it may take
// many seconds, so whatever takes longer than this hangs.
const Patience = 5 * time.Minute

// Daemon is a running reactord, and a client of it.
type Daemon struct {
	Client
	// Address is where the daemon listens, as a gRPC target.
	Address string
	// PID is its process.
	PID int

	options []grpc.DialOption
	reasons *reasonCheck

	t     testing.TB
	cmd   *exec.Cmd
	conn  *grpc.ClientConn
	log   *logReader
	ended chan struct{} // closed when the process has ended; then err is set
	err   error
}

// Start starts a daemon with the data folder dir and more flags, and returns when it serves. The daemon is stopped at
// the test's end at the latest. It serves anybody on loopback and grants everything: tests of access and of grants
// use StartGuarded. It has no grace period, so that a test that stops it does not wait for guests that wait.
func Start(t testing.TB, dir string, flags ...string) *Daemon {
	t.Helper()
	return StartGuarded(t, dir, nil, open(flags)...)
}

// open adds the flags of a daemon as Start has it.
func open(flags []string) []string {
	return append([]string{"--listen=127.0.0.1:0", "--insecure-no-auth", "--grace-period=none",
		"--allow-dir=/", "--allow-listen=*:*", "--allow-connect=*:*",
		"--allow-resolve=*", "--allow-http=*"}, flags...)
}

// StartGuarded starts a daemon with the data folder dir and only the given flags about whom it serves and what it
// grants. The test's client connects with the given options; nil stands for those of an anonymous client that speaks
// plain text.
func StartGuarded(t testing.TB, dir string, options []grpc.DialOption, flags ...string) *Daemon {
	t.Helper()
	return start(t, options, exec.CommandContext(t.Context(), Binary(t, "reactord"), in(dir, flags)...))
}

// StartWithDescriptors is Start for a daemon that may have as many descriptors open as descriptors says.
func StartWithDescriptors(t testing.TB, dir string, descriptors int, flags ...string) *Daemon {
	t.Helper()
	limited := append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, descriptors), Binary(t, "reactord")}, in(dir, open(flags))...)
	return start(t, nil, exec.CommandContext(t.Context(), "sh", limited...))
}

// StartWith is Start for a daemon whose command is changed before: its standard output, or its environment, to which cmd.Env is
// added.
func StartWith(t testing.TB, dir string, change func(cmd *exec.Cmd), flags ...string) *Daemon {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t, "reactord"), in(dir, open(flags))...)
	change(cmd)
	return start(t, nil, cmd)
}

// in adds the flags of a daemon with the data folder dir.
func in(dir string, flags []string) []string {
	return append([]string{"--data-dir=" + dir, "--log-format=json"}, flags...)
}

// start starts the command of a daemon.
func start(t testing.TB, options []grpc.DialOption, cmd *exec.Cmd) *Daemon {
	t.Helper()
	cmd.Env = append(cleanEnvironment(), cmd.Env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &Daemon{options: slices.Concat(dialOptions, options), t: t, cmd: cmd, PID: cmd.Process.Pid, log: newLogReader(stderr), ended: make(chan struct{})}
	if _, ok := t.(*testing.B); !ok { // a benchmark measures calls as they are
		d.reasons = new(reasonCheck)
		d.options = append(d.options, d.reasons.options()...)
	}
	go func() {
		defer close(d.ended)
		<-d.log.done // Wait closes the pipe, so the log has to be read to its end first
		d.err = cmd.Wait()
	}()
	t.Cleanup(d.cleanup)

	select {
	case d.Address = <-d.log.address:
	case <-d.ended:
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), d.err, d.log.text())
	case <-time.After(Patience):
		t.Fatalf("reactord does not say where it listens\n%s", d.log.text())
	}
	d.connect()
	return d
}

// cleanEnvironment returns the environment without settings of the daemon.
func cleanEnvironment() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "REACTORD_") && !strings.HasPrefix(entry, "OTEL_") {
			env = append(env, entry)
		}
	}
	return env
}

// connect makes the clients, and waits until the daemon serves.
func (d *Daemon) connect() {
	d.t.Helper()
	conn, err := grpc.NewClient(d.Address, d.options...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.conn = conn
	d.Client = newClient(conn)
	ctx, cancel := context.WithTimeout(d.t.Context(), Patience)
	defer cancel()
	health, err := d.Health.Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		d.t.Fatalf("the daemon does not serve: %v, %v\n%s", health, err, d.log.text())
	}
}

// Another returns a client of the daemon with a connection of its own.
func (d *Daemon) Another(t testing.TB) Client {
	t.Helper()
	conn, err := grpc.NewClient(d.Address, d.options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newClient(conn)
}

// dialOptions are the options of an anonymous client that speaks plain text.
var dialOptions = []grpc.DialOption{
	grpc.WithTransportCredentials(insecure.NewCredentials()),
	grpc.WithUnaryInterceptor(patience),
}

// patience bounds a unary call, so that a daemon that does not answer fails only the test that asks, and not the whole
// run.
func patience(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return invoke(ctx, method, req, reply, conn, opts...)
}

// Signal sends a signal to the daemon.
func (d *Daemon) Signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// Wait waits for the daemon's end and returns its exit status.
func (d *Daemon) Wait() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		d.t.Fatalf("the daemon does not end\n%s", d.log.text())
		return 0
	}
}

// Insist sends a signal again and again until the daemon has ended, and returns its exit status.
func (d *Daemon) Insist(s os.Signal) int {
	d.t.Helper()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-d.ended:
			return d.Wait()
		case <-ticks.C:
			if err := d.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				d.t.Fatal(err)
			}
		}
	}
}

// Stop drains the daemon, which must end by itself with status 0.
func (d *Daemon) Stop() {
	d.t.Helper()
	d.Signal(syscall.SIGTERM)
	if status := d.Wait(); status != 0 {
		d.t.Fatalf("the daemon ended with status %d\n%s", status, d.log.text())
	}
}

// Kill kills the daemon with SIGKILL.
func (d *Daemon) Kill() {
	d.t.Helper()
	d.Signal(os.Kill)
	d.Wait()
}

// Conn returns the connection of the test's client.
func (d *Daemon) Conn() *grpc.ClientConn { return d.conn }

// Log returns what the daemon has logged, as JSON lines.
func (d *Daemon) Log() string { return d.log.text() }

// cleanup kills the daemon if it still runs.
func (d *Daemon) cleanup() {
	if d.conn != nil {
		_ = d.conn.Close()
	}
	select {
	case <-d.ended:
	default:
		d.t.Helper()
		_ = d.cmd.Process.Kill() // it may have ended meanwhile
		<-d.ended
	}
	if d.reasons != nil {
		d.reasons.report(d.t)
	}
	if d.t.Failed() {
		d.t.Logf("the daemon's log:\n%s", d.log.text())
	}
}

// logReader collects the daemon's log.
type logReader struct {
	address chan string // where the daemon listens, from the first line
	done    chan struct{}

	mu    sync.Mutex
	lines bytes.Buffer
}

func newLogReader(r io.Reader) *logReader {
	l := &logReader{address: make(chan string, 1), done: make(chan struct{})}
	go l.read(r)
	return l
}

func (l *logReader) read(r io.Reader) {
	defer close(l.done)
	lines := bufio.NewReader(r)
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		l.mu.Lock()
		l.lines.Write(line)
		l.mu.Unlock()
		if err != nil {
			return
		}
		if first {
			var entry struct{ Listen []string }
			if json.Unmarshal(line, &entry) == nil && len(entry.Listen) > 0 {
				l.address <- entry.Listen[0]
			}
		}
	}
}

func (l *logReader) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}
