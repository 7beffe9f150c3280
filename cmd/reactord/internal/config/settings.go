package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	"github.com/reactord/reactord/reactor/policy"
)

// setting is one setting: its name in flags, environment and file, its help text and its field of a Config.
type setting struct {
	name  string
	usage string
	value value
	when  moment
}

// moment is when a changed setting takes effect.
type moment bool

// The moments.
const (
	atStart  moment = false // only when the daemon starts
	atReload moment = true  // when the daemon reads its settings again, too
)

// settings lists the settings of c in the order of --help.
func (c *Config) settings() []setting {
	r := &c.Reactor
	list := []setting{
		{"listen", "where to serve the API: HOST:PORT, unix:///PATH or unix:PATH; may be repeated (default a socket in $XDG_RUNTIME_DIR/reactord, else in ~/.local/state/reactord)", addressesIn(&c.Listen), atStart},
		{"ui", "where to serve a page for browsers that shows what runs here and can cancel it, over TCP: HOST:PORT or none", addressOrNone(&c.UI), atStart},
		{"metrics", "where to serve metrics to Prometheus, over TCP at the path /metrics: HOST:PORT or none", addressOrNone(&c.Metrics), atStart},
		{"tls-cert", "certificate to show over TCP, PEM with its chain; read again when it changes", pathIn(&c.TLS.Cert), atReload},
		{"tls-key", "its key, PEM", pathIn(&c.TLS.Key), atReload},
		{"api-token-file", "file with tokens that clients over TCP send, one a line, for the one in the data folder; read again when it changes", pathIn(&c.TokenFile), atStart},
		{"metrics-token-file", "the same for those who read metrics", pathIn(&c.MetricsTokenFile), atStart},
		{"tls-client-ca", "authority, PEM, that must have signed the certificates of clients over TCP; they need the token as well", pathIn(&c.TLS.ClientCA), atReload},
		{"insecure-no-auth", "serve clients over TCP without the token", switchIn(&c.InsecureNoAuth), atStart},
		{"insecure-no-tls", "serve addresses other than loopback without encryption", switchIn(&c.InsecureNoTLS), atStart},
		{"data-dir", "folder of the store, modules and compile cache (default $XDG_STATE_HOME/reactord, else ~/.local/state/reactord)", pathIn(&r.DataDir), atStart},
		{"log-format", "log lines as text for people or as JSON: auto, console, json", choiceIn(&c.LogFormat, LogAuto, LogConsole, LogJSON), atStart},
		{"log-level", "lowest level to log: debug, info, warn, error", levelIn(&c.LogLevel), atReload},
		{"log-workloads", "workloads whose submission, start and end are logged: all, failed, none; in a flood only some are", choiceIn(&c.LogWorkloads, LogAllWorkloads, LogFailedWorkloads, LogNoWorkloads), atReload},
		{"log-sink", "where lines that guests print are sent to, beside being kept: none, stdout as JSON, or otlp for the collector that the variables of OpenTelemetry name", choiceIn(&c.LogSink, LogSinkNone, LogSinkStdout, LogSinkOTLP), atStart},

		{"allow-dir", "folder that may be granted, with all below it; may contain *; may be repeated; none allows none (default / for a unix socket alone, none with TCP)", dirsIn(&r.Allow.Dirs), atReload},
		{"allow-listen", "HOST:PORT that guests may listen at, such as *:80-89 or 10.0.0.0/8:*; may be repeated; none allows none (default *:* for a unix socket alone, none with TCP)", patternsIn(&r.Allow.Listen), atReload},
		{"allow-connect", "HOST:PORT that guests may connect to, such as *.NAME:443, as for allow-listen; may be repeated (default *:* for a unix socket alone, none with TCP)", patternsIn(&r.Allow.Connect), atReload},
		{"allow-resolve", "name that guests may look up, such as *.NAME; may be repeated; none allows none (default * for a unix socket alone, none with TCP)", orNone(listIn("NAME", &r.Allow.Resolve, policy.ParseName), &r.Allow.Resolve), atReload},
		{"allow-http", "SCHEME://HOST[:PORT] that guests may send HTTP requests to, such as https://*.NAME; may be repeated; none allows none (default * for a unix socket alone, none with TCP)", orNone(listIn("ORIGIN", &r.Allow.HTTP, policy.ParseOrigin), &r.Allow.HTTP), atReload},
		{"allow-secret", "secret that guests may be given, file:/PATH with all below it or env:NAME; may contain *; may be repeated (default none)", orNone(listIn("REF", &r.Allow.Secrets, policy.ParseReferences), &r.Allow.Secrets), atReload},
		{"registry", "registry that the daemon may read modules from when a client asks for it, HOST[:PORT][/REPOSITORY] with all repositories below; http:// before it does without TLS; may be repeated; none allows none (default none)", orNone(listIn("REGISTRY", &c.Registries.Places, registries.ParsePlace), &c.Registries.Places), atReload},
		{"registry-credentials", "file with credentials for these registries, as docker's config.json; read for each module", pathIn(&c.Registries.Credentials), atStart},
		{"require-signature", "public key, PEM, as cosign makes it: modules are then taken from registries alone, signed with it; read for each module; may be repeated: with one of them; none needs no signature (default none)", orNone(listIn("PATH", &c.Registries.Keys, parsePath), &c.Registries.Keys), atReload},

		{"workers", "workers that run guests (0: one for each processor)", countIn(&r.Workers, 0), atStart},
		{"quantum", "fuel a guest may burn before others get their turn; 2500 is worth about a microsecond", countIn(&r.Quantum, 0), atStart},
		{"blocking-threads", "threads for host operations that block, such as files", countIn(&r.BlockingThreads, 0), atStart},
		{"compilers", "modules compiled at a time (0: half of the workers)", countIn(&r.Compilers, 0), atStart},
		{"compile-memory", "memory of all running compilations together; a module that needs more is refused (0: half of the machine's)", sizeIn(&r.CompileMemoryBytes, 0), atStart},
		{"idle-modules", "compiled modules kept in memory that no guest uses; a component is one", countIn(&r.IdleModules, 0), atStart},
		{"module-memory", "memory of all compiled modules together, about (0: an eighth of the machine's)", sizeIn(&r.ModuleMemoryBytes, 0), atStart},

		{"connections", "client connections (0: an eighth of the descriptors the process may have, 1000 at most)", countIn(&c.InFlight.Connections, 0), atStart},
		{"in-flight", "memory for the requests of all clients, and for answers they have not read", sizeIn(&c.InFlight.Bytes, 0), atStart},

		{"node-memory", "linear memory and stacks of all guests together (0: three quarters of the machine's)", sizeIn(&r.MemoryBytes, 0), atStart},
		{"max-live", "workloads that have started and not ended", countIn(&r.MaxLive, 1), atStart},
		{"crash-limit", "deaths of the daemon in a row after which the workload that causes them is set apart", countIn(&r.CrashLimit, 2), atStart},
		{"queue", "workloads that wait to be started; more are refused", countIn(&r.MaxPending, 1), atReload},
		{"queue-bytes", "specs and labels of workloads that wait to be started, and 1 KiB for each (0: a quarter of the machine's memory)", sizeIn(&r.MaxPendingBytes, 0), atReload},
	}
	for _, l := range c.limits() {
		list = append(list,
			setting{"default-" + l.name, l.usage + ", of a workload that sets none", l.def, atReload},
			setting{"max-" + l.name, l.usage + ", the most a workload may ask for", l.max, atReload})
	}
	return append(list,
		setting{"max-module-size", "size of a module", sizeIn(&r.MaxModuleBytes, 1), atStart},
		setting{"max-functions", "functions of a module", countIn(&r.MaxModuleFunctions, 1), atStart},
		setting{"max-function-size", "code of one function", sizeIn(&r.MaxFunctionBytes, 1), atStart},
		setting{"max-table-elements", "initial elements of a module's tables; each takes 8 bytes of the guest's memory", countIn(&r.MaxTableElements, 1), atStart},
		setting{"store-size", "workloads, results and logs on disk; near this size the oldest results are deleted (0: a quarter of the disk, 64 GiB at most)", sizeIn(&r.StoreBytes, 0), atStart},
		setting{"module-store", "size of all modules together; near it, the least recently used without tag and workload are deleted", sizeIn(&r.ModuleStoreBytes, 1), atStart},
		setting{"compile-cache", "machine code of modules on disk; the least recently used is deleted, and compiled again when it is needed", sizeIn(&r.CompileCacheBytes, 1), atStart},

		setting{"retain", "how long a finished workload is kept: a duration or forever",
			durationIn(&r.RetainFinished, map[string]time.Duration{"forever": -1}), atReload},
		setting{"retain-modules", "how long a module without tag and workload is kept after its last use: a duration or forever",
			durationIn(&r.RetainModules, map[string]time.Duration{"forever": -1}), atReload},
		setting{"retain-count", "finished workloads kept at most", countIn(&r.RetainCount, 1), atReload},
		setting{"grace-period", "how long running workloads may go on at shutdown: a duration or none",
			durationIn(&r.GracePeriod, map[string]time.Duration{"none": -1, "0": -1}), atReload},
	)
}

// limit is one limit of a workload: its default and its maximum.
type limit struct {
	name, usage string
	def, max    value
}

// limits lists the limits of a workload. A maximum of zero is none.
func (c *Config) limits() []limit {
	def, most := &c.Reactor.DefaultLimits, &c.Reactor.MaxLimits
	return []limit{
		{"memory", "linear memory", sizeIn(&def.MemoryBytes, 1), sizeIn(&most.MemoryBytes, 1)},
		{"fuel", "instructions, about (0: no bound)", countIn(&def.Fuel, 0), countIn(&most.Fuel, 0)},
		{"timeout", "time from start to end (0: no bound)", durationIn(&def.Timeout, nil), durationIn(&most.Timeout, nil)},
		{"stack", "call stack", sizeIn(&def.StackBytes, 1), sizeIn(&most.StackBytes, 1)},
		{"log-bytes", "output kept", sizeIn(&def.LogBytes, 1), sizeIn(&most.LogBytes, 1)},
		{"descriptors", "open descriptors", countIn(&def.Descriptors, 3), countIn(&most.Descriptors, 3)},
		{"pending-ops", "pending host operations", countIn(&def.PendingOps, 1), countIn(&most.PendingOps, 1)},
		{"connections", "open sockets", countIn(&def.Connections, 1), countIn(&most.Connections, 1)},
		{"sent-bytes", "bytes sent over the network in all (0: no bound)", sizeIn(&def.SentBytes, 0), sizeIn(&most.SentBytes, 0)},
		{"received-bytes", "bytes received over the network in all (0: no bound)", sizeIn(&def.ReceivedBytes, 0), sizeIn(&most.ReceivedBytes, 0)},
		{"bytes-per-second", "rate of each direction of the network; beyond it the guest waits (0: no bound)", sizeIn(&def.BytesPerSecond, 0), sizeIn(&most.BytesPerSecond, 0)},
	}
}

// exceeded reports whether the default is above the maximum.
func (l limit) exceeded() bool {
	def, most := l.def.number(), l.max.number()
	if most == 0 {
		return false
	}
	if def == 0 { // no bound
		def = math.MaxUint64
	}
	return def > most
}

func addressOrNone(p *Address) value {
	return value{
		kind: "ADDR",
		parse: func(s string) (err error) {
			if *p = (Address{}); s == "none" {
				return nil
			}
			if _, _, err := net.SplitHostPort(s); err != nil {
				return fmt.Errorf("%q is not HOST:PORT", s)
			}
			*p, err = ParseAddress(s)
			return err
		},
		text: func() string {
			if *p == (Address{}) {
				return "none"
			}
			return p.String()
		},
	}
}

func addressesIn(p *[]Address) value { return listIn("ADDR", p, ParseAddress) }

func dirsIn(p *[]policy.Dir) value { return orNone(listIn("PATH", p, policy.ParseDir), p) }

func patternsIn(p *[]policy.Address) value { return orNone(listIn("ADDR", p, policy.ParseAddress), p) }

// orNone takes the word none for an empty list.
func orNone[T fmt.Stringer](list value, p *[]T) value {
	parse := list.parse
	list.parse = func(s string) error {
		if s == "none" {
			*p = nil
			return nil
		}
		err := parse(s)
		if err == nil && len(*p) == 0 {
			err = errors.New("is empty; none allows none")
		}
		return err
	}
	return list
}

func pathIn(p *string) value {
	return value{
		kind: "PATH",
		parse: func(s string) error {
			if s == "" {
				return errors.New("is empty")
			}
			path, err := filepath.Abs(s)
			*p = path
			return err
		},
		text: func() string { return *p },
	}
}

// parsePath makes a path of a list absolute.
func parsePath(s string) (registries.Path, error) {
	path, err := filepath.Abs(s)
	return registries.Path(path), err
}

func levelIn(p *zapcore.Level) value {
	return value{
		kind: "WORD",
		parse: func(s string) error {
			level, err := zapcore.ParseLevel(s)
			if err != nil || level > zapcore.ErrorLevel {
				return fmt.Errorf("%q is not one of debug, info, warn, error", s)
			}
			*p = level
			return nil
		},
		text: func() string { return p.String() },
	}
}
