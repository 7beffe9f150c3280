package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// internals are what no message for people has: words of libraries, of gRPC, of the API's fields and of Go's parsers.
var internals = []string{"rpc error", "desc =", "transport:", "strconv", "spec.", "Err:", "0x0)", "%!"}

// What reactorctl says of wrong command lines and refused requests: what is wrong, all of it, in the words of the command
// line, and what to do.
func TestCtlMessages(t *testing.T) {
	c := newCtl(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"main.go": "package main\n", "module.wat": "(module)", "native": "\x7fELF\x02", "page.wasm": "<!DOCTYPE html>", "packed.wasm": "\x1f\x8b\x08",
		"large": strings.Repeat("x", 3<<20), "cut.wasm": "\x00asm\x01\x00\x00\x00\x01\x20\x01",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hello, err := filepath.Abs("../examples/rust-upper/upper.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "run", "--id", "done", hello)
	for _, tt := range []struct {
		name string
		args []string
		want []string // lines, or parts of them
	}{
		{"all wrong flags", []string{"run", "--memroy", "1", "--fuel=some", "--timeout", "3", "--count=0.5", hello}, []string{
			"reactorctl: 4 faults; see `reactorctl run --help`\n", "  unknown flag --memroy: did you mean --memory?\n",
			"  --fuel: \"some\" is not a whole number", "  --timeout \"3\": give a duration such as 30s or 1h30m\n", "  --count: ",
		}},
		{"all wrong values", []string{"submit", "--label", "x", "--env", "=", "--dir", "here", "--listen", "80", hello}, []string{
			"reactorctl: 4 faults; see `reactorctl submit --help`\n", `--label "x": give KEY=VALUE`, `--env "=": give KEY=VALUE`,
			`--dir "here": give HOST:GUEST`, `--listen "80": give [NAME=][udp:]HOST:PORT`,
		}},
		{"all that the daemon refuses", []string{"submit", "--id", "a/b", "--memory", "64KiB", "--name", "a\x1bb", hello}, []string{
			"  --id: \"a/b\" is not an id", "  --name: ",
		}},
		{"a limit above its maximum", []string{"submit", "--memory", "1000TiB", hello}, []string{"reactorctl: --memory: 1099511627776000 (1000 TiB) is above the maximum, "}},
		{"no module of that name", []string{"run", "nonesuch"}, []string{"reactorctl: there is no module \"nonesuch\"", "`reactorctl module push FILE`", "./nonesuch"}},
		{"too few digits of a digest", []string{"run", "9b5a"}, []string{
			"reactorctl: there is no tag \"9b5a\", and 6 digits at least stand for a digest\n",
			"  if it is the beginning of a digest, give 6 digits at least; see `reactorctl module list`\n",
		}},
		{"too much input", []string{"run", "--stdin", "large", hello}, []string{
			"reactorctl: --stdin: it has more than the 2 MiB that can be submitted: use \"run -i\", or grant a folder\n",
		}},
		{"removing what is not there", []string{"module", "rm", "nonesuch"}, []string{"there is no module \"nonesuch\"", "see `reactorctl module list`"}},
		{"a tag that is not UTF-8", []string{"run", "caf\xe9"}, []string{"reactorctl: MODULE \"caf\\xe9\" is not UTF-8; see `reactorctl run --help`\n"}},
		{"an id that is not UTF-8", []string{"status", "caf\xe9"}, []string{"reactorctl: the argument \"caf\\xe9\" is not UTF-8; see `reactorctl status --help`\n"}},
		{"a label that is not UTF-8", []string{"run", "-l", "a=b", "-l", "k=\xe9", hello}, []string{"reactorctl: --label \"k=\\xe9\" is not UTF-8; see"}},
		{"a Go file", []string{"run", "main.go"}, []string{"for a Go program give the folder of its package, ."}},
		{"a Go file's path", []string{"run", "./main.go"}, []string{"./main.go is Go source: give the folder of its package, ."}},
		{"text", []string{"run", "./module.wat"}, []string{"it is WebAssembly as text: translate it with `wat2wasm`"}},
		{"a native program", []string{"run", "./native"}, []string{"native program or library (ELF)", "--target wasm32-wasip1"}},
		{"a web page", []string{"run", "page.wasm"}, []string{"a web page"}},
		{"compressed", []string{"run", "packed.wasm"}, []string{"unpack it first"}},
		{"an unknown command", []string{"lits"}, []string{"unknown command \"lits\": did you mean \"list\"? See `reactorctl --help`"}},
		{"half a module", []string{"run", filepath.Join(dir, "cut.wasm")}, []string{"reactorctl: cut: the module is damaged, or no valid WebAssembly: "}},
		{"a command of the other binary", []string{"store", "check"}, []string{"\"store\" is a command of the daemon's binary: `reactord store`"}},
		{"help of an unknown command", []string{"help", "nosuch"}, []string{"unknown command \"nosuch\"; see `reactorctl --help`"}},
		{"an unknown workload", []string{"status", "nosuch"}, []string{"there is no workload \"nosuch\"\n", "  see `reactorctl list`"}},
		{"cancelling an unknown one", []string{"cancel", "nosuch"}, []string{"there is no workload \"nosuch\""}},
		{"cancelling one that has ended", []string{"cancel", "done"}, []string{"done"}},
		{"an id that is taken", []string{"submit", "--id", "done", hello, "other"}, []string{"there is a workload \"done\"", "`reactorctl status done`", "frees the id once it has ended", "they differ in the arguments, the command: run waits for its output to be read, and submit does not\n"}},
		{"the start of a flag", []string{"run", "--mem", "1GiB", hello}, []string{"unknown flag --mem: did you mean --memory? See `reactorctl run --help`\n"}},
		{"an address as a URL", []string{"run", "--dial", "udp://localhost:53", hello}, []string{`--dial "udp://localhost:53": give [udp:]HOST:PORT, without //; see`}},
		{"completion for no shell", []string{"completion", "nosuch"}, []string{"unknown command \"nosuch\"; see `reactorctl completion --help`\n"}},
		{"an address of the web", []string{"--addr", "https://example.org:7070", "list"}, []string{"give HOST:PORT without \"https://\", such as example.org:7070"}},
		{"no address", []string{"--addr", "here", "list"}, []string{"give HOST:PORT"}},
		{"nobody there", []string{"--addr", "unix://" + filepath.Join(dir, "none"), "list"}, []string{"no daemon answers at unix://" + filepath.Join(dir, "none") + ": there is no such socket\n", "start one with `reactord`"}},
		{"nobody at a port", []string{"--addr", "127.0.0.1:1", "list"}, []string{"no daemon answers at 127.0.0.1:1: connection refused\n"}},
		{"a grant that can't be opened", []string{"run", "--connect", "127.0.0.1:1", hello}, []string{"(grant denied)", "127.0.0.1:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := c.command(t, tt.args...)
			cmd.Dir = dir
			var errs strings.Builder
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if err == nil || cmd.ProcessState.ExitCode() != 125 || len(out) > 0 {
				t.Errorf("status %d, stdout %q", cmd.ProcessState.ExitCode(), out)
			}
			checkText(t, errs.String(), tt.want)
		})
	}
}

// checkText checks that a text has some parts, and nothing internal.
func checkText(t *testing.T, text string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
	for _, internal := range internals {
		if strings.Contains(text, internal) {
			t.Errorf("it says %q:\n%s", internal, text)
		}
	}
}

// Under -o json an error is one object on standard error, whatever went wrong.
func TestCtlErrorsAsObjects(t *testing.T) {
	c := newCtl(t)
	hello := "../examples/rust-upper/upper.wasm"
	type object struct {
		Code, Reason, Message string
		Fields                []struct{ Field, Flag, Description string }
		Advice                []string
	}
	for _, tt := range []struct {
		args         []string
		code, reason string
		fields       []string // the fields' paths, or flags
	}{
		{[]string{"-o", "json", "status", "nosuch"}, "NOT_FOUND", "WORKLOAD_NOT_FOUND", nil},
		{[]string{"submit", "-o", "json", "--id", "a/b", "--memory=1000TiB", hello}, "INVALID_ARGUMENT", "INVALID_ARGUMENT", []string{"id --id", "spec.limits.memory_bytes --memory"}},
		{[]string{"list", "--nope", "--limit", "x", "-o", "json"}, "INVALID_ARGUMENT", "COMMAND_LINE", []string{" ", " "}},
		{[]string{"-o", "json", "--addr", "127.0.0.1:1", "list"}, "UNAVAILABLE", "NO_DAEMON", nil},
		{[]string{"-o", "json", "run", "./none.wasm"}, "UNKNOWN", "CLIENT", nil},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			out, errs, status := c.run(t, "", tt.args...)
			var got object
			decoder := json.NewDecoder(strings.NewReader(errs))
			if err := decoder.Decode(&got); err != nil || decoder.More() || status != 125 || out != "" {
				t.Fatalf("status %d, stdout %q, %v:\n%s", status, out, err, errs)
			}
			var fields []string
			for _, f := range got.Fields {
				fields = append(fields, f.Field+" "+f.Flag)
			}
			if got.Code != tt.code || got.Reason != tt.reason || got.Message == "" || !slices.Equal(fields, tt.fields) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// What reactord says before it serves.
func TestDaemonMessages(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, filepath.Join(dir, "used"))
	reactord := func(env []string, args ...string) (string, int) {
		cmd := exec.Command(testkit.Binary(t, "reactord"), args...)
		cmd.Env = append(os.Environ(), env...)
		text, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(text), cmd.ProcessState.ExitCode()
	}
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want []string
	}{
		{"unknown flags", nil, []string{"--quue", "3", "--max-memroy=2", "serve"}, []string{"2 faults; see `reactord serve --help`\n", "unknown flag --quue: did you mean --queue?", "did you mean --max-memory?"}},
		{"an unknown command", nil, []string{"servve"}, []string{"unknown command \"servve\": did you mean \"serve\"? See `reactord --help`"}},
		{"help of an unknown command", nil, []string{"help", "nosuch"}, []string{"unknown command \"nosuch\""}},
		{"unknown variables", []string{"REACTORD_QUEU=3", "REACTORD_FOO=1"}, nil, []string{"$REACTORD_FOO: is not a setting\n", "$REACTORD_QUEU: is not a setting; did you mean REACTORD_QUEUE?"}},
		{"a store that is not there", nil, []string{"store", "check", "--data-dir", filepath.Join(dir, "none")}, []string{"there is no store in " + filepath.Join(dir, "none") + ": name the daemon's data folder with --data-dir"}},
		{"nothing to back up", nil, []string{"store", "backup", filepath.Join(dir, "copy"), "--data-dir", filepath.Join(dir, "none")}, []string{"there is no store in " + filepath.Join(dir, "none") + ": name the daemon's data folder with --data-dir"}},
		{"nothing to salvage", nil, []string{"store", "salvage", "--data-dir", filepath.Join(dir, "none")}, []string{"there is no store in "}},
		{"a store in use", nil, []string{"store", "salvage", "--data-dir", filepath.Join(dir, "used")}, []string{"is in use by process ", "stop that one first, or name another folder with --data-dir"}},
		{"another daemon in a data folder", nil, []string{"--data-dir", filepath.Join(dir, "used"), "--listen", "unix://" + filepath.Join(dir, "s")}, []string{"is in use by process ", "--data-dir"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, status := reactord(tt.env, tt.args...)
			if status != 1 {
				t.Errorf("status %d", status)
			}
			checkText(t, text, tt.want)
		})
	}
	d.Stop()
	t.Run("a store that is not damaged", func(t *testing.T) {
		text, status := reactord(nil, "store", "salvage", "--data-dir", filepath.Join(dir, "used"))
		if status != 1 || !strings.Contains(text, "is not damaged, and nothing was changed") {
			t.Errorf("status %d: %s", status, text)
		}
		if text, status := reactord(nil, "store", "salvage", "--force", "--data-dir", filepath.Join(dir, "used")); status != 0 || !strings.Contains(text, ".damaged-") {
			t.Errorf("with --force: status %d: %s", status, text)
		}
	})
	for _, name := range []string{"reactord", "reactorctl"} {
		out, err := exec.Command(testkit.Binary(t, name), "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), name+" ") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s --version: %v, %q", name, err, out)
		}
	}
}

// What a daemon that drains would refuse is refused before it is built or sent.
func TestDrainedBeforeBuild(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "drain")
	for _, command := range []string{"run", "submit"} {
		_, errs, status := c.run(t, "", command, filepath.Join(t.TempDir(), "no-such-folder"))
		if status != 125 || !strings.Contains(errs, "reactorctl: the daemon is draining and takes no new work\n") || !strings.Contains(errs, "`reactorctl drain --undo`") {
			t.Errorf("%s: status %d: %s", command, status, errs)
		}
	}
	if _, errs, _ := c.run(t, "", "submit", "-o", "json", toolFile(t)); !strings.Contains(errs, `"reason": "DRAINING"`) {
		t.Errorf("as JSON: %s", errs)
	}
}

// A workload of a module that is given by its digest has the module's name.
func TestNameOfDigest(t *testing.T) {
	c := newCtl(t, tool(t))
	digest := "sha256:" + strings.TrimPrefix(c.must(t, "module", "push", "-o", "name", toolFile(t)), "sha256:")
	name := strings.TrimSuffix(filepath.Base(toolFile(t)), ".wasm")
	if id := c.must(t, "submit", "--pipe-to", digest+" cat", digest, "exit", "0"); !strings.HasPrefix(id, name+"-") || !strings.Contains(id, "with the label chain="+name+"-") {
		t.Errorf("the ids are %s", id)
	}
	id := c.must(t, "submit", digest, "exit", "0")
	if !strings.HasPrefix(id, name+"-") || !strings.Contains(c.must(t, "status", id), "name          "+name+"\n") {
		t.Errorf("the id is %s", id)
	}
	if id := c.must(t, "submit", "--name", "mine", digest, "exit", "0"); !strings.HasPrefix(id, "mine-") {
		t.Errorf("the id is %s", id)
	}
}

// A list of operations that is empty says why.
func TestNoOps(t *testing.T) {
	c := newCtl(t)
	for command, want := range map[string]string{"ops": "no operation is pending\n", "ops --target nonsense": "no pending operation matches\n", "ops -l a=b": "no pending operation matches\n"} {
		if _, errs, status := c.run(t, "", strings.Fields(command)...); status != 0 || errs != want {
			t.Errorf("%s: status %d, %q", command, status, errs)
		}
	}
}
