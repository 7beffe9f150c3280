package config

import (
	"errors"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
)

func defaults() Config {
	return Config{
		Listen:    []Address{{"unix", "/run/reactord.sock"}},
		LogFormat: LogAuto,
		Reactor: reactor.Config{
			DefaultLimits: api.Limits{MemoryBytes: 256 << 20, StackBytes: 1 << 20, Descriptors: 256},
			MaxLimits:     api.Limits{MemoryBytes: 4 << 30, StackBytes: 64 << 20, Descriptors: 4096},
			GracePeriod:   10 * time.Second,
		},
	}
}

// load runs a Loader over flags, environment and the text of a file named reactord.yaml.
func load(t *testing.T, flags, environ []string, file string) (Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("reactord", pflag.ContinueOnError)
	l := NewLoader(fs, defaults())
	if file != "" {
		flags = append(flags, "--config=reactord.yaml")
	}
	if err := fs.Parse(flags); err != nil {
		t.Fatalf("parsing flags: %v", err)
	}
	return l.Load(append([]string{"HOME=/home/ada"}, environ...), func(name string) ([]byte, error) {
		if name != "reactord.yaml" {
			return nil, errors.New("open " + name + ": no such file")
		}
		return []byte(file), nil
	})
}

func TestPrecedence(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   []string
		environ []string
		file    string
		want    int // MaxPending
	}{
		{"default", nil, nil, "", 0},
		{"file", nil, nil, "queue: 3", 3},
		{"file as text", nil, nil, "queue: '3'", 3},
		{"environment before file", nil, []string{"REACTORD_QUEUE=2"}, "queue: 3", 2},
		{"flag before all", []string{"--queue=1"}, []string{"REACTORD_QUEUE=2"}, "queue: 3", 1},
		{"flag before faulty environment", []string{"--queue=1"}, []string{"REACTORD_QUEUE=x"}, "", 1},
		{"last flag", []string{"--queue=1", "--queue=4"}, nil, "", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, tt.flags, tt.environ, tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if c.Reactor.MaxPending != tt.want {
				t.Errorf("queue is %d, want %d", c.Reactor.MaxPending, tt.want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	c, err := load(t, []string{
		"--listen=127.0.0.1:1", "--listen=unix:///run/r.sock,[::1]:2", "--max-timeout=1h30m",
		"--retain=forever", "--grace-period=none", "--default-fuel=1_000_000", "--log-level=warn",
	}, []string{"REACTORD_NODE_MEMORY=1.5 GiB", "REACTORD_LOG_FORMAT=json"}, "max-descriptors: 1000\ncompile-cache: 10GB\n")
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Listen = []Address{{"tcp", "127.0.0.1:1"}, {"unix", "/run/r.sock"}, {"tcp", "[::1]:2"}}
	want.LogFormat = LogJSON
	want.LogLevel = zapcore.WarnLevel
	want.Reactor.DataDir = "/home/ada/.local/state/reactord"
	want.Reactor.MemoryBytes = 3 << 29
	want.Reactor.CompileCacheBytes = 10e9
	want.Reactor.MaxLimits.Timeout = 90 * time.Minute
	want.Reactor.MaxLimits.Descriptors = 1000
	want.Reactor.DefaultLimits.Fuel = 1e6
	want.Reactor.RetainFinished = -1
	want.Reactor.GracePeriod = -1
	// A maximum of the timeout without a default of it: the default follows.
	want.Reactor.DefaultLimits.Timeout = 90 * time.Minute
	want.Sources = map[string]string{
		"listen": "--listen", "max-timeout": "--max-timeout", "retain": "--retain", "grace-period": "--grace-period",
		"default-fuel": "--default-fuel", "log-level": "--log-level",
		"node-memory": "$REACTORD_NODE_MEMORY", "log-format": "$REACTORD_LOG_FORMAT",
		"max-descriptors": "reactord.yaml", "compile-cache": "reactord.yaml",
	}
	want.FileSettings = 2
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestListInFile(t *testing.T) {
	c, err := load(t, nil, nil, "listen:\n- 127.0.0.1:1\n- unix:r.sock\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Address{{"tcp", "127.0.0.1:1"}, {"unix", "r.sock"}}, c.Listen); diff != "" {
		t.Error(diff)
	}
}

func TestStateHome(t *testing.T) {
	c, err := load(t, nil, []string{"XDG_STATE_HOME=/state"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := "/state/reactord"; c.Reactor.DataDir != want {
		t.Errorf("data dir is %s, want %s", c.Reactor.DataDir, want)
	}
}

func TestLoweredMaximumLowersDefault(t *testing.T) {
	c, err := load(t, []string{"--max-memory=64MiB"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Reactor.DefaultLimits.MemoryBytes; got != 64<<20 {
		t.Errorf("default memory is %d, want 64 MiB", got)
	}
}

func TestClientVariableIsNoFault(t *testing.T) {
	if _, err := load(t, nil, []string{"REACTORD_ADDR=127.0.0.1:7070"}, ""); err != nil {
		t.Error(err)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := load(t,
		[]string{"--listen=nowhere", "--listen=unix://host/x", "--queue=none", "--default-memory=5GiB"},
		[]string{"REACTORD_MAX_STACK=-1", "REACTORD_QUEU=7", "REACTORD_LOG_LEVEL=loud", "REACTORD_WORKERS=99999999999999999999"},
		"max-descriptors: 4294967296\nmax-memroy: 1GiB\nretain: 0\nmax-log-bytes: 8EiB\nlog-format: [a]\ncompile-cache: null\n")
	var faults *FaultsError
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want a *FaultsError", err)
	}
	want := []string{
		`$REACTORD_QUEU: is not a setting; did you mean REACTORD_QUEUE?`,
		`reactord.yaml: compile-cache: is neither a string nor a number`,
		`reactord.yaml: log-format: is neither a string nor a number`,
		`reactord.yaml: max-memroy: is not a setting; did you mean max-memory?`,
		`--listen: "nowhere" is not HOST:PORT, unix:///PATH or unix:PATH`,
		`--listen: "unix://host/x" names a host; write unix:///PATH for an absolute path or unix:PATH`,
		`$REACTORD_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`$REACTORD_WORKERS: 99999999999999999999 is too large: at most 9223372036854775807`,
		`--queue: "none" is not a whole number such as 1000, 1_000_000 or 1e9`,
		`$REACTORD_MAX_STACK: "-1" is not a size such as 65536, 64MiB or 1.5GiB`,
		`reactord.yaml: max-log-bytes: "8EiB" is not a size such as 65536, 64MiB or 1.5GiB`,
		`reactord.yaml: max-descriptors: 4294967296 is too large: at most 4294967295`,
		`reactord.yaml: retain: 0 is not a length of time: write a duration such as 24h, or forever`,
		`--default-memory: is 5GiB, above max-memory, which is 4GiB`,
	}
	if diff := cmp.Diff(want, faults.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   []string
		environ []string
		file    string
		want    string
	}{
		{"no address", []string{"--listen="}, nil, "", "--listen: needs at least one address"},
		{"address twice", []string{"--listen=a:1,a:1"}, nil, "", "--listen: a:1 is given twice"},
		{"metrics at a socket", []string{"--metrics=unix:///m"}, nil, "", "--metrics: unix:///m is a socket"},
		{"metrics at the API's address", []string{"--listen=127.0.0.1:1", "--metrics=127.0.0.1:1"}, nil, "", "--metrics: 127.0.0.1:1 is where the API is served"},
		{"metrics for all", nil, []string{"REACTORD_METRICS=:9464"}, "", "$REACTORD_METRICS: :9464 is not a loopback address"},
		{"metrics at no address", nil, nil, "metrics: 9464", "reactord.yaml: metrics: \"9464\" is not HOST:PORT"},
		{"page at a socket", []string{"--ui=unix:///u"}, nil, "", "--ui: unix:///u is a socket"},
		{"page at the API's address", []string{"--listen=127.0.0.1:1", "--ui=127.0.0.1:1"}, nil, "", "--ui: 127.0.0.1:1 is where the API is served"},
		{"page for all", nil, []string{"REACTORD_UI=:8080"}, "", "$REACTORD_UI: :8080 is not a loopback address"},
		{"metrics at the address of the page", []string{"--ui=127.0.0.1:1", "--metrics=127.0.0.1:1"}, nil, "", "--metrics: 127.0.0.1:1 is where the page for browsers is served"},
		{"no key", nil, []string{"REACTORD_REQUIRE_SIGNATURE="}, "", "$REACTORD_REQUIRE_SIGNATURE: is empty; none allows none"},
		{"port", []string{"--listen=a:http"}, nil, "", "the port is not a number"},
		{"empty folder", []string{"--data-dir="}, nil, "", "--data-dir: is empty"},
		{"no home", nil, []string{"HOME="}, "", "--data-dir: is needed"},
		{"negative duration", []string{"--max-timeout=-1s"}, nil, "", "--max-timeout: -1s is negative"},
		{"unbounded default below a maximum", []string{"--max-fuel=10", "--default-fuel=0"}, nil, "", "--default-fuel: is 0, above max-fuel"},
		{"no file", nil, []string{"REACTORD_CONFIG=gone.yaml"}, "", "--config: open gone.yaml: no such file"},
		{"not YAML", nil, nil, "a: [", "reactord.yaml: is not a YAML mapping"},
		{"a list", nil, nil, "- queue", "reactord.yaml: is not a YAML mapping"},
		{"key twice", nil, nil, "queue: 1\nqueue: 2", "reactord.yaml: is not a YAML mapping"},
		{"documents", nil, nil, "queue: 1\n---\nqueue: 2", "reactord.yaml: has more than one YAML document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.flags, tt.environ, tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// A second YAML document, which would not be read, is a fault.
func TestSeveralDocuments(t *testing.T) {
	for text, want := range map[string]bool{
		"queue: 1\n---\nqueue: 2\n":                      true,
		"---\nqueue: 1\n---\n":                           true,
		"--- {queue: 1}\n--- {queue: 2}\n":               true,
		"queue: 1\r\n--- # more\r\nqueue: 2":             true,
		"queue: 1\n...\nworkers: 2\n":                    true,
		"---\n---\nqueue: 1\n":                           true,
		"# a comment\n\n---\nqueue: 1\n...\n# the end\n": false,
		"%YAML 1.1\n---\nqueue: 1\n":                     false,
		"--- # here\nqueue: 1\n":                         false,
		"queue: '1' # --- not\n":                         false,
		"listen:\n- unix:---\n":                          false,
		"":                                               false,
	} {
		if got := severalDocuments(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	flags := pflag.NewFlagSet("reactord", pflag.ContinueOnError)
	l := NewLoader(flags, defaults())
	if err := flags.Parse([]string{"--config=x"}); err != nil {
		t.Fatal(err)
	}
	_, err := l.Load([]string{"HOME=/"}, func(string) ([]byte, error) { return nil, fs.ErrPermission })
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v, want the file's own error", err)
	}
}

// Every setting's default must be text that the setting itself takes, for --help shows it.
func TestDefaultsParse(t *testing.T) {
	c := defaults()
	before := c
	for _, s := range c.settings() {
		text := s.value.text()
		if text == "" || text == "0" { // not set
			continue
		}
		if err := s.value.parse(text); err != nil {
			t.Errorf("%s: its default %q: %v", s.name, text, err)
		}
	}
	if diff := cmp.Diff(before, c); diff != "" {
		t.Errorf("parsing the defaults changed them:\n%s", diff)
	}
}

// What may be granted follows from where the API is served, for each kind of grant that is not set.
func TestAllow(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		flags                 []string
		dirs, listen, connect string
	}{
		{"a socket", nil, "/", "*:*", "*:*"},
		{"TCP", []string{"--listen=127.0.0.1:1"}, "", "", ""},
		{"both", []string{"--listen=unix:/run/s", "--listen=127.0.0.1:1"}, "", "", ""},
		{"a socket, and none", []string{"--allow-dir=none", "--allow-connect=none"}, "", "*:*", ""},
		{"TCP, and some", []string{"--listen=127.0.0.1:1", "--allow-dir=/a", "--allow-dir=/b", "--allow-connect=10.0.0.0/8:443"}, "/a,/b", "", "10.0.0.0/8:443"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, append(tt.flags, "--data-dir=/d"), nil, "")
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"allow-dir": tt.dirs, "allow-listen": tt.listen, "allow-connect": tt.connect} {
				for _, s := range c.settings() {
					if s.name == name && s.value.text() != want {
						t.Errorf("%s is %q, want %q", name, s.value.text(), want)
					}
				}
			}
		})
	}
	for _, bad := range []string{"--allow-dir=data", "--allow-dir=", "--allow-dir=none,/a", "--allow-connect=80", "--allow-listen=*"} {
		if _, err := load(t, []string{bad}, nil, ""); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSwitches(t *testing.T) {
	for _, tt := range []struct {
		flags, environ []string
		file           string
		want           bool
	}{
		{nil, nil, "", false},
		{[]string{"--insecure-no-auth"}, nil, "", true},
		{[]string{"--insecure-no-auth=false"}, []string{"REACTORD_INSECURE_NO_AUTH=true"}, "", false},
		{nil, []string{"REACTORD_INSECURE_NO_AUTH=1"}, "", true},
		{nil, nil, "insecure-no-auth: true", true},
	} {
		if c, err := load(t, tt.flags, tt.environ, tt.file); err != nil || c.InsecureNoAuth != tt.want {
			t.Errorf("%+v: %t, %v", tt, c.InsecureNoAuth, err)
		}
	}
	if _, err := load(t, []string{"--insecure-no-auth=maybe"}, nil, "queue: true"); err == nil || !strings.Contains(err.Error(), "neither true nor false") || !strings.Contains(err.Error(), "queue: is neither a string nor a number") {
		t.Errorf("%v", err)
	}
}

// The default socket is where reactorctl looks for it; with an address of one's own there is none.
func TestDefaultListen(t *testing.T) {
	l := pflag.NewFlagSet("reactord", pflag.ContinueOnError)
	c, err := NewLoader(l, Config{LogFormat: LogAuto}).Load([]string{"HOME=/home/ada"}, nil)
	want := []Address{{"unix", "/home/ada/.local/state/reactord/reactord.sock"}}
	if err != nil || !cmp.Equal(c.Listen, want) || c.SocketDir != "/home/ada/.local/state/reactord" {
		t.Errorf("%v in %s, %v", c.Listen, c.SocketDir, err)
	}
	if c, err := load(t, []string{"--listen=unix:/run/s"}, nil, ""); err != nil || c.SocketDir != "" {
		t.Errorf("%s, %v", c.SocketDir, err)
	}
	l = pflag.NewFlagSet("reactord", pflag.ContinueOnError)
	if _, err := NewLoader(l, Config{LogFormat: LogAuto}).Load(nil, nil); err == nil || strings.Count(err.Error(), "is needed") != 2 {
		t.Errorf("without an environment: %v", err)
	}
}

// A Loader reads the file as it is each time, and nothing is left of what it read before.
func TestLoadAgain(t *testing.T) {
	flags := pflag.NewFlagSet("reactord", pflag.ContinueOnError)
	l := NewLoader(flags, defaults())
	if err := flags.Parse([]string{"--config=r", "--workers=3"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file  string
		queue int
		dirs  int
		fails bool
	}{
		{"queue: 5\nallow-dir: [/a, /b]", 5, 2, false},
		{"queue: many", 0, 0, true},
		{"", 0, 1, false},
		{"queue: 6\nallow-dir: none", 6, 0, false},
	} {
		c, err := l.Load([]string{"HOME=/"}, func(string) ([]byte, error) { return []byte(tt.file), nil })
		if (err != nil) != tt.fails {
			t.Fatalf("%q: %v", tt.file, err)
		}
		if !tt.fails && (c.Reactor.MaxPending != tt.queue || len(c.Reactor.Allow.Dirs) != tt.dirs || c.Reactor.Workers != 3) {
			t.Errorf("%q: %+v", tt.file, c.Reactor)
		}
	}
}

// Inherited listeners are served besides the addresses that were given, or instead of the default.
func TestInherit(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	at := AddressOf(open)
	for _, tt := range []struct {
		name   string
		flags  []string
		want   []Address
		source string
	}{
		{"alone", nil, []Address{at}, "systemd"},
		{"with another", []string{"--listen=unix:/run/s"}, []Address{{"unix", "/run/s"}, at}, "--listen, systemd"},
		{"at the same address", []string{"--listen=" + at.String()}, []Address{at}, "--listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags := pflag.NewFlagSet("reactord", pflag.ContinueOnError)
			l := NewLoader(flags, Config{LogFormat: LogAuto})
			l.Inherit([]net.Listener{open})
			if err := flags.Parse(tt.flags); err != nil {
				t.Fatal(err)
			}
			c, err := l.Load([]string{"HOME=/"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !cmp.Equal(c.Listen, tt.want) || c.SocketDir != "" || len(c.Inherited) != 1 || c.Sources["listen"] != tt.source {
				t.Errorf("it listens at %v in %q, from %s", c.Listen, c.SocketDir, c.Sources["listen"])
			}
			if len(c.Reactor.Allow.Dirs) != 0 {
				t.Error("it serves TCP, and folders may be granted by default")
			}
		})
	}
}

func TestSettings(t *testing.T) {
	c, err := load(t, []string{"--queue=7", "--allow-dir=none"}, []string{"REACTORD_RETAIN=forever"}, "workers: 2")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]Setting)
	for _, s := range c.Settings() {
		found[s.Name] = s
	}
	for _, want := range []Setting{
		{"queue", "7", "7", "--queue", true},
		{"allow-dir", "none", "none", "--allow-dir", true},
		{"retain", "forever", "forever", "$REACTORD_RETAIN", true},
		{"workers", "2", "2", "reactord.yaml", false},
		{"max-memory", "4GiB", "4GiB", "default", true},
		{"compilers", "half of the workers", "half of the workers", "default", false},
	} {
		if found[want.Name] != want {
			t.Errorf("got %+v, want %+v", found[want.Name], want)
		}
	}
}
