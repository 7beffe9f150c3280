package config

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/inflight"
	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	"github.com/reactord/reactord/reactor"
)

// Config is what the daemon runs with.
type Config struct {
	// Listen is where the API is served. By default that is a unix socket in a folder of the user's
	// own.
	Listen []Address
	// SocketDir is the folder of that default socket, to be created for the user only; empty if Listen
	// was given.
	SocketDir string
	// TokenFile has the tokens of TCP callers; empty: the daemon makes one in its data folder.
	TokenFile string
	// MetricsTokenFile has the tokens of those who read metrics; empty: the daemon makes one in its data folder.
	MetricsTokenFile string
	// Metrics is where metrics are served, over TCP; zero for nowhere.
	Metrics Address
	// UI is where the page for browsers is served, over TCP; zero for nowhere.
	UI Address
	// InsecureNoAuth serves TCP callers without a token.
	InsecureNoAuth bool
	// TLS names the certificate files for TCP.
	TLS access.TLSFiles
	// InsecureNoTLS serves other machines without encryption.
	InsecureNoTLS bool
	// LogFormat is how log lines look.
	LogFormat LogFormat
	// LogLevel is the lowest level that is logged.
	LogLevel zapcore.Level
	// LogWorkloads is which workloads' lives are logged.
	LogWorkloads LogWorkloads
	// LogSink is where what guests print is sent to, beside being kept.
	LogSink LogSink
	// InFlight bounds what clients have in flight.
	InFlight inflight.Limits
	// OTLP is what the variables of OpenTelemetry ask for.
	OTLP otlp.Config
	// Registries says which registries modules may be read from, and how.
	Registries registries.Settings
	// Reactor is the configuration of the reactor itself, including its DataDir.
	Reactor reactor.Config
	// Inherited are listeners at addresses of Listen that somebody else has opened for the daemon.
	Inherited []net.Listener
	// Sources has the sources of the settings that were given, by their names; the others have their defaults.
	Sources map[string]string
	// FileSettings is how many settings there are in the file of --config.
	FileSettings int
}

// Setting is a setting of a Config.
type Setting struct {
	Name string `json:"name"`
	// Value is its value as a flag takes it, or in words if it follows from the machine.
	Value string `json:"value"`
	// Shown is Value for people: a size that nobody gave is rounded.
	Shown string `json:"-"`
	// Source is the flag, the variable or the file that it was given in, or "default".
	Source string `json:"source"`
	// Reloaded says that a changed value takes effect when the daemon reads its settings again.
	Reloaded bool `json:"reloaded"`
}

// Settings lists all settings, in the order of --help.
func (c Config) Settings() []Setting {
	var list []Setting
	for _, s := range c.settings() {
		text := s.value.text()
		if _, zero, ok := strings.Cut(s.usage, "(0: "); ok && text == "0" {
			text, _, _ = strings.Cut(zero, ")")
		}
		if text == "" && s.value.list {
			text = "none"
		}
		source, given := c.Sources[s.name]
		shown := text
		if s.value.rounded != nil && !given && text == s.value.text() {
			shown = s.value.rounded()
		}
		list = append(list, Setting{
			Name: s.name, Value: text, Shown: shown, Source: cmp.Or(source, "default"), Reloaded: bool(s.when),
		})
	}
	return list
}

// Resolved returns c with the numbers that this machine gives where c leaves them open.
func (c Config) Resolved() Config {
	c.Reactor, c.InFlight = c.Reactor.Resolved(), c.InFlight.Resolved()
	return c
}

// LogFormat is the format of log lines.
type LogFormat string

// The formats.
const (
	LogAuto    LogFormat = "auto" // console on a terminal, else JSON
	LogConsole LogFormat = "console"
	LogJSON    LogFormat = "json"
)

// LogWorkloads is a choice of workloads whose lives are logged.
type LogWorkloads string

// The choices.
const (
	LogAllWorkloads    LogWorkloads = "all"
	LogFailedWorkloads LogWorkloads = "failed"
	LogNoWorkloads     LogWorkloads = "none"
)

// LogSink is where what guests print is sent to.
type LogSink string

// The sinks.
const (
	LogSinkNone   LogSink = "none"
	LogSinkStdout LogSink = "stdout"
	LogSinkOTLP   LogSink = "otlp"
)

// fault is an error in one setting.
type fault struct {
	setting string
	message string
}

// validate checks the settings against each other.
func (c *Config) validate() []fault {
	var faults []fault
	if len(c.Listen) == 0 {
		faults = append(faults, fault{"listen", "needs at least one address"})
	}
	seen := make(map[Address]bool)
	for _, a := range c.Listen {
		if seen[a] && a.Port() != "0" {
			faults = append(faults, fault{"listen", a.String() + " is given twice"})
		}
		seen[a] = true
		if !a.Local() && !c.InsecureNoTLS && c.TLS.Cert == "" {
			faults = append(faults, fault{"listen", a.String() + " is not a loopback address, and without TLS anyone on the network path " +
				"can read the token and all else: give --tls-cert and --tls-key, or say --insecure-no-tls"})
		}
	}
	faults = append(faults, c.validatePages()...)
	faults = append(faults, c.validateAccess()...)
	for _, l := range c.limits() {
		if l.exceeded() {
			faults = append(faults, fault{
				"default-" + l.name,
				"is " + l.def.text() + ", above max-" + l.name + ", which is " + l.max.text(),
			})
		}
	}
	return faults
}

// validatePages checks the addresses of what is served besides the API.
func (c *Config) validatePages() []fault {
	faults := slices.Concat(
		c.validatePage("ui", c.UI, "browsers need TCP", "the token and all else"),
		c.validatePage("metrics", c.Metrics, "metrics are served over TCP", "the token for metrics"))
	if a := c.Metrics; c.ServesMetrics() && a == c.UI && a.Port() != "0" {
		faults = append(faults, fault{"metrics", a.String() + " is where the page for browsers is served: give another port"})
	}
	return faults
}

// validatePage checks one of them. needs says why it is no socket, and open what can be read on the way without TLS.
func (c *Config) validatePage(setting string, a Address, needs, open string) []fault {
	switch {
	case a == Address{}:
	case a.Network == "unix":
		return []fault{{setting, a.String() + " is a socket, and " + needs + ": give HOST:PORT"}}
	case slices.Contains(c.Listen, a) && a.Port() != "0":
		return []fault{{setting, a.String() + " is where the API is served: give another port"}}
	case !a.Local() && !c.InsecureNoTLS && c.TLS.Cert == "":
		return []fault{{setting, a.String() + " is not a loopback address, and without TLS anyone on the network path can read " + open +
			": give --tls-cert and --tls-key, or say --insecure-no-tls"}}
	}
	return nil
}

func (c *Config) validateAccess() []fault {
	var faults []fault
	if c.TLS.Key == "" && c.TLS.Cert != "" {
		faults = append(faults, fault{"tls-cert", "needs --tls-key with it"})
	}
	if c.TLS.Cert == "" && c.TLS.Key != "" {
		faults = append(faults, fault{"tls-key", "needs --tls-cert with it"})
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		faults = append(faults, fault{"tls-client-ca", "needs --tls-cert and --tls-key with it"})
	}
	if c.TLS.Cert != "" && !c.ServesTCP() && !c.ServesMetrics() && !c.ServesUI() {
		faults = append(faults, fault{"tls-cert", "is for TCP, and nothing is served over that: give --listen=HOST:PORT"})
	}
	if c.TLS.Cert != "" && c.InsecureNoTLS {
		faults = append(faults, fault{"insecure-no-tls", "contradicts --tls-cert"})
	}
	if c.TokenFile != "" && !c.ServesTCP() && !c.ServesUI() {
		faults = append(faults, fault{"api-token-file", "is for TCP, and nothing is served over that: give --listen=HOST:PORT"})
	}
	if c.MetricsTokenFile != "" && !c.ServesMetrics() {
		faults = append(faults, fault{"metrics-token-file", "is for --metrics, and that is none"})
	}
	if c.TokenFile != "" && c.InsecureNoAuth {
		faults = append(faults, fault{"insecure-no-auth", "contradicts --api-token-file"})
	}
	return faults
}

// ServesTCP reports whether the API is served over TCP.
func (c *Config) ServesTCP() bool {
	return slices.ContainsFunc(c.Listen, func(a Address) bool { return a.Network != "unix" })
}

// ServesUI reports whether the page for browsers is served.
func (c *Config) ServesUI() bool { return c.UI != Address{} }

// ServesMetrics reports whether metrics are served.
func (c *Config) ServesMetrics() bool { return c.Metrics != Address{} }
