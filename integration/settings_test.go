package integration

import (
	"bytes"
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// makePipe puts a pipe, which nobody writes to, at a path.
func makePipe(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// openWriter opens a pipe to write, as soon as somebody reads it.
func openWriter(t *testing.T, path string) *os.File {
	t.Helper()
	var f *os.File
	until(t, "somebody reads "+path, func() (ok bool) {
		var err error
		f, err = os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	})
	return f
}

// A signal ends a command that waits for a pipe which was named for its settings, its token or its authority.
func TestSignalEndsWaitForPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	for _, tt := range []struct {
		name   string
		env    []string
		args   []string
		signal syscall.Signal
		want   int
	}{
		{"reactord", nil, []string{"--data-dir=" + dir, "--config=" + pipe}, syscall.SIGTERM, 0},
		{"reactord", nil, []string{"--data-dir=" + dir, "--config=" + pipe}, syscall.SIGINT, 0},
		{"reactorctl", nil, []string{"--addr=127.0.0.1:1", "--token-file=" + pipe, "list"}, syscall.SIGINT, 130},
		{"reactorctl", nil, []string{"--addr=127.0.0.1:1", "--tls-ca=" + pipe, "list"}, syscall.SIGTERM, 143},
		{"reactorctl", []string{"REACTORCTL_CONFIG=" + pipe}, []string{"list"}, syscall.SIGINT, 130},
		{"reactorctl", []string{"REACTORCTL_CONFIG=" + pipe}, []string{"context", "list"}, syscall.SIGINT, 130},
		{"reactorctl", nil, []string{"context", "set", "c", "localhost:1", "--token-file=" + pipe}, syscall.SIGINT, 130},
	} {
		t.Run(tt.name+" "+strings.Join(tt.args, " "), func(t *testing.T) {
			makePipe(t, pipe)
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t, tt.name), tt.args...)
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			cmd.Env = environment(dir, append(tt.env, "XDG_CONFIG_HOME="+dir)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer openWriter(t, pipe).Close()
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != tt.want {
				t.Errorf("status %d, want %d: %s", status, tt.want, output.String())
			}
		})
	}
}

// A file without an end is refused after its first mebibyte, and a pipe is read like a file.
func TestSmallFiles(t *testing.T) {
	dir := t.TempDir()
	authority := testkit.NewAuthority(t)
	f := newFiles(t)
	authority.Issue("reactord.test", f.cert, f.key)
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	c := newCtlOf(t, d)
	const tooLarge = "/dev/zero: it has more than the 1 MiB"
	for _, args := range [][]string{
		{"--token-file=/dev/zero"}, {"--tls-ca=/dev/zero"}, {"--tls-cert=/dev/zero", "--tls-key=" + f.key}, {"--tls-cert=" + f.cert, "--tls-key=/dev/zero"},
	} {
		if _, stderr, status := c.run(t, "", append(args, "list")...); status != 125 || !strings.Contains(stderr, tooLarge) {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, status := c.run(t, string(token), "--token-file=/dev/stdin", "list"); status != 0 {
		t.Errorf("the token in a pipe: status %d, %s", status, stderr)
	}

	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--config=/dev/zero"}, tooLarge},
		{[]string{"--listen=127.0.0.1:0", "--tls-cert=/dev/zero", "--tls-key=" + f.key}, "/dev/zero: it is not a regular file"},
		{[]string{"--listen=127.0.0.1:0", "--tls-cert=" + f.cert, "--tls-key=" + f.key, "--tls-client-ca=/dev/zero"}, "/dev/zero: it is not a regular file"},
	} {
		for _, command := range []string{"serve", "check-config"} {
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append([]string{command, "--data-dir=" + t.TempDir()}, tt.args...)...)
			output, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(output), tt.want) {
				t.Errorf("%s %v: status %d, %s", command, tt.args, cmd.ProcessState.ExitCode(), output)
			}
		}
	}
}

// A reload whose file is a pipe changes nothing and keeps no signal waiting. The daemon may have been started with one.
func TestReloadOfPipe(t *testing.T) {
	const faulty = "the settings were read again and have faults: nothing has changed"
	file := filepath.Join(t.TempDir(), "reactord.yaml")
	makePipe(t, file)
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(file, []byte("log-level: debug\n"), 0) }()
	d := testkit.Start(t, t.TempDir(), "--config="+file)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	until(t, "the pipe is refused", func() bool { return len(logged(t, d, faulty)) == 1 })
	if faults := logged(t, d, faulty)[0].Faults; len(faults) != 1 || !strings.Contains(faults[0], "it is not a regular file") {
		t.Errorf("the faults are %q", faults)
	}
	d.Stop()
}

// A certificate that is replaced by a pipe stays in use, which is logged, and signals are heard.
func TestCertificateBecomesPipe(t *testing.T) {
	authority := testkit.NewAuthority(t)
	f := newFiles(t)
	number := authority.Issue("reactord.test", f.cert, f.key)
	d := testkit.StartGuarded(t, t.TempDir(), overTLS(&tls.Config{RootCAs: authority.Pool()}), append(f.flags(), "--listen=127.0.0.1:0")...)
	makePipe(t, f.cert)
	if got := serial(t, d.Address, authority); got != number {
		t.Errorf("it shows %d, want %d", got, number)
	}
	until(t, "that is told", func() bool {
		return len(logged(t, d, "the certificate's files have changed and cannot be used: the certificates read before stay in use")) == 1
	})
	d.Signal(syscall.SIGHUP)
	until(t, "the reload is refused", func() bool {
		return len(logged(t, d, "the settings were read again and have faults: nothing has changed")) == 1
	})
	d.Stop()
}

// A reload tells of all that has changed, warns of what allows more, and takes no file for one that is being written.
func TestReloadTellsAll(t *testing.T) {
	const (
		faulty = "the settings were read again and have faults: nothing has changed"
		now    = "a setting has changed"
		wider  = "a setting has changed and allows more than before"
		later  = "a setting has changed and takes effect at the next start"
	)
	dir := shortDir(t)
	file := filepath.Join(dir, "reactord.yaml")
	listen := "listen: unix://" + filepath.Join(dir, "api") + "\n"
	writeFile(t, file, listen+"allow-dir: [/srv, /opt]\n")
	d := testkit.StartGuarded(t, filepath.Join(dir, "data"), nil, "--config="+file)
	reloads := 0
	reload := func(text string) {
		t.Helper()
		writeFile(t, file, text)
		d.Signal(syscall.SIGHUP)
		reloads++
		until(t, "the settings are read", func() bool {
			return len(logged(t, d, "the settings were read again"))+len(logged(t, d, faulty)) == reloads
		})
	}
	tells := func(message, setting, from, to string) {
		t.Helper()
		if !slices.ContainsFunc(logged(t, d, message), func(l logLine) bool { return l.Setting == setting && l.From == from && l.To == to }) {
			t.Errorf("no line %q tells of %s from %q to %q\n%s", message, setting, from, to, d.Log())
		}
	}
	reload("# nothing yet\n")
	if faults := logged(t, d, faulty); len(faults) != 1 || !strings.Contains(strings.Join(faults[0].Faults, ""), "no settings in the file any more") {
		t.Errorf("an emptied file: %+v", faults)
	}
	reload(listen + "allow-dir: /srv/a\n")
	tells(now, "allow-dir", "/srv,/opt", "/srv/a")
	reload(listen)
	tells(wider, "allow-dir", "/srv/a", "/")
	reload("listen: 127.0.0.1:0\n")
	tells(later, "listen", "unix://"+filepath.Join(dir, "api"), "127.0.0.1:0")
	tells(later, "allow-dir", "/", "none")
	tells(later, "allow-connect", "*:*", "none")
	if warned := logged(t, d, wider); len(warned) != 1 || warned[0].Level != "warn" {
		t.Errorf("warnings: %+v", warned)
	}
	d.Stop()
}

// A changed data folder is told, too.
func TestReloadTellsOfDataDir(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "reactord.yaml")
	settings := "listen: unix://" + filepath.Join(dir, "api") + "\nlog-format: json\ndata-dir: "
	before, after := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	writeFile(t, file, settings+before+"\n")
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "--config="+file)
	cmd.Env = environment(dir)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd.Stderr = write
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	untilLogged := func(text string) {
		t.Helper()
		for chunk := make([]byte, 4096); !strings.Contains(log.String(), text); {
			n, err := read.Read(chunk)
			if err != nil {
				t.Fatalf("the log has no %q: %v\n%s", text, err, log.String())
			}
			log.Write(chunk[:n])
		}
	}
	untilLogged(`"msg":"serving"`)
	writeFile(t, file, settings+after+"\n")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	untilLogged(`"for_next_start":1`)
	if want := `"setting":"data-dir","from":"` + before + `","to":"` + after + `"`; !strings.Contains(log.String(), want) {
		t.Errorf("the log has no %s\n%s", want, log.String())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
