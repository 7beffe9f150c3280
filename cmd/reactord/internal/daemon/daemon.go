package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/inflight"
	"github.com/reactord/reactord/cmd/reactord/internal/lifelog"
	"github.com/reactord/reactord/cmd/reactord/internal/pace"
	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	"github.com/reactord/reactord/cmd/reactord/internal/server"
	"github.com/reactord/reactord/cmd/reactord/internal/trim"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/policy"
)

// The times that Stop allows for besides the grace period.
const (
	// slowClients is how long clients have to read the ends of their streams.
	slowClients = 5 * time.Second
	// lastGuests is how long guests that were interrupted at the end of the grace period have to end. They
	// need no time at all, unless the host operation they are in does not end.
	lastGuests = 30 * time.Second
	// lastCalls is how long calls in flight have to be answered once the reactor has shut down. What they wait
	// for is over by then, so only a client that does not read takes longer.
	lastCalls = 2 * time.Second
)

// Daemon serves a reactor. It stops in this order (TestStop, and TestDrainAndRestart of the integration
// tests, hold it):
//
//  1. The health service reports NOT_SERVING, so that balancers send nothing more.
//  2. The reactor refuses new work with DRAINING, and lets running work go on for the grace period. The
//     API is served all the while: clients see their work end, and can cancel it.
//  3. The reactor puts unfinished work back, ends all watches and streams, and closes the store. A client
//     that does not read would keep its stream from ending, so all connections are closed after
//     slowClients (TestStopWithDeafClient).
//  4. The server accepts no more calls, answers those in flight, and closes the listeners. Handlers that do
//     not even end when their connections are closed are left behind and reported
//     (TestStopLeavesWhatHangs). Metrics are served until then, so that the drain can be watched.
//  5. The last spans, and the last lines of guests, are sent, for lastTelemetry at most.
//
// Rejected: stopping the server first, which would be simpler. Clients would lose their streams
// before the last results, and nobody could see what a drain waits for.
type Daemon struct {
	cfg       config.Config // as it was at the start
	reactor   *reactor.Reactor
	server    *server.Server
	log       *zap.Logger
	addresses []config.Address
	gate      *access.Gate
	tls       atomic.Pointer[tls.Config] // for new connections; nil: plain text
	lives     *lifelog.Log
	health    *server.Health
	telemetry telemetry
	ui        *uiServer      // nil: none
	metrics   *metricsServer // nil: none

	registries *registries.Fetcher
	signers    *registries.Signers

	// What Reload changes, beside the gate and tls.
	inUse        map[string]string // the values of the settings
	allow        policy.Policy
	places       []registries.Place
	keys         []registries.Path // of signers
	grace        time.Duration
	fileSettings int // how many there are in the file

	serving sync.WaitGroup
	tending context.CancelFunc // ends the goroutines that tend the heap and the log; serving waits for them too
	failed  chan error
}

// Start opens the store and the listeners and serves the API; ctx bounds only the start. Its first line in the
// log says where it listens.
func Start(ctx context.Context, cfg config.Config, log *zap.Logger) (*Daemon, error) {
	if cfg.SocketDir != "" {
		if err := makePrivate(cfg.SocketDir); err != nil {
			return nil, fmt.Errorf("cannot listen at a socket of this user's own: %w", err)
		}
	}
	listeners, err := listen(ctx, cfg.Listen, cfg.Inherited)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		cfg:          cfg,
		log:          log,
		addresses:    addresses(listeners),
		inUse:        valuesOf(cfg),
		allow:        cfg.Reactor.Allow,
		places:       cfg.Registries.Places,
		keys:         cfg.Registries.Keys,
		grace:        graceOf(cfg),
		fileSettings: cfg.FileSettings,
		lives:        lifelog.New(log, cfg.LogWorkloads),
		health:       server.NewHealth(),
		failed:       make(chan error, len(listeners)+3), // and of the page for browsers, its calls, metrics
	}
	log.Info("reactord",
		zap.Stringers("listen", d.addresses),
		zap.String("data_dir", cfg.Reactor.DataDir),
		zap.String("version", cfg.Reactor.Version))
	if err := d.open(ctx, listeners); err != nil {
		closeAll(listeners)
		d.stopOthers()
		return nil, err
	}
	d.serve(listeners)
	d.tend()
	log.Info("serving", zap.Int("workers", d.reactor.Node().Workers))
	return d, nil
}

// open opens the store, and makes what serves and what observes. Nothing is served yet. What was made before an error is to be stopped.
func (d *Daemon) open(ctx context.Context, listeners []net.Listener) error {
	admission, err := d.newAdmission()
	if err != nil {
		return err
	}
	if err := checkApart(d.cfg); err != nil {
		return err
	}
	if d.telemetry, err = newTelemetry(ctx, d.cfg, d.log); err != nil {
		return err
	}
	if d.metrics, err = newMetricsServer(ctx, d.cfg, d.log); err != nil {
		return err
	}
	if d.ui, err = newUIServer(ctx, d.cfg, d.gate, d.log); err != nil {
		return err
	}
	if d.signers, err = registries.NewSigners(d.cfg.Registries.Keys); err != nil {
		return err
	}
	if d.reactor, err = d.newReactor(listeners); err != nil {
		return err
	}
	d.lives.TakeSubmissions()
	d.registries = d.newFetcher()
	d.server = server.New(d.reactor, server.Config{
		Admission: admission, Limits: d.cfg.InFlight, Audit: d.lives, Health: d.health,
		Registries: d.registries, Tracing: d.telemetry.calls(), Logger: d.log,
	})
	return nil
}

// newReactor opens the store and the reactor on it, which tells what happens to those who observe it.
func (d *Daemon) newReactor(listeners []net.Listener) (*reactor.Reactor, error) {
	cfg := d.cfg.Reactor
	cfg.Logger, cfg.OnOutage, cfg.OnCommitted = d.log, d.health.SetOutage, d.metrics.onCommitted()
	d.telemetry.observe(&cfg, d.metrics.hooks(d.lives.Hooks()))
	cfg.Reading = func(ctx context.Context, read reactor.Read) (func(), error) {
		return inflight.Reading(ctx, read == reactor.ReadMany)
	}
	cfg.AdmitSigner = d.signers.Admits
	cfg.Private, cfg.OwnAddresses = private(d.cfg), ownAddresses(d.metrics.and(d.ui.and(listeners)))
	var err error
	if cfg.ABIs, err = abis(); err != nil {
		return nil, err
	}
	return reactor.New(cfg, openerOf(cfg.DataDir, d.log))
}

// serve serves all that is served.
func (d *Daemon) serve(listeners []net.Listener) {
	d.serveMetrics() // before there are calls, which it counts
	d.serveUI()
	for _, l := range listeners {
		d.serving.Go(func() {
			if err := d.server.Serve(l); err != nil {
				d.failed <- fmt.Errorf("serving at %s: %w", l.Addr(), err)
			}
		})
	}
}

// tend begins what goes on beside the calls, until tending is called.
func (d *Daemon) tend() {
	tending, cancel := context.WithCancel(context.Background())
	d.tending = cancel
	d.serving.Go(func() { trim.Run(tending) })
	d.serving.Go(func() { pace.Run(tending, d.memory) })
	d.serving.Go(func() { d.lives.Run(tending) })
	d.telemetry.run(tending, &d.serving)
	d.followTokens(tending)
}

// stopOthers stops what is served and sent beside the API.
func (d *Daemon) stopOthers() {
	d.ui.stop()
	d.metrics.stop()
	d.telemetry.stop()
}

// memory returns what the process may use, and what guests have of it.
func (d *Daemon) memory() pace.Memory {
	machine, guests := d.reactor.Memory()
	return pace.Memory{Machine: machine, Guests: guests}
}

// graceOf returns how long running workloads may go on at the end.
func graceOf(cfg config.Config) time.Duration {
	return max(cmp.Or(cfg.Reactor.GracePeriod, reactor.Defaults().GracePeriod), 0)
}

// newAdmission returns whom the server admits.
func (d *Daemon) newAdmission() (a server.Admission, err error) {
	if d.cfg.TLS.Cert != "" {
		files, err := access.LoadTLS(d.cfg.TLS, d.log)
		if err != nil {
			return a, err
		}
		d.tls.Store(files)
		a.TLS = &tls.Config{
			MinVersion: tls.VersionTLS12,
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				return d.tls.Load().GetConfigForClient(hello)
			},
		}
	}
	d.gate, err = newGate(d.cfg, d.log)
	a.Gate = d.gate
	return a, err
}

// newGate returns the gate that cfg asks for. It logs what an operator ought to know about it.
func newGate(cfg config.Config, log *zap.Logger) (*access.Gate, error) {
	if !cfg.ServesTCP() && !cfg.ServesUI() {
		return access.NewGate(nil), nil
	}
	for _, a := range cfg.Listen {
		if !a.Local() && cfg.TLS.Cert == "" {
			log.Warn("NO ENCRYPTION: anyone on the network path to this address can read the token and all else", zap.Stringer("listen", a))
		}
	}
	if cfg.InsecureNoAuth && !cfg.ServesTCP() {
		log.Warn("NO AUTHENTICATION: anyone who can connect to the page, which includes every user of this machine, can read what guests write " +
			"and cancel them; leave out --insecure-no-auth to require a token")
		return access.NewOpenGate(), nil
	}
	if cfg.InsecureNoAuth {
		log.Warn("NO AUTHENTICATION: anyone who can connect over TCP, which includes every user of this machine, can run programs here " +
			"and be granted whatever may be granted; leave out --insecure-no-auth to require a token")
		return access.NewOpenGate(), nil
	}
	token, path, err := apiToken(cfg).load()
	if err != nil {
		return nil, err
	}
	log.Info("calls over TCP require the token", zap.String("file", path))
	return access.NewGate(token), nil
}

// private returns the places besides the data folder that must not be granted: whoever can change them
// stands between the daemon and its clients, or its registries.
func private(cfg config.Config) []string {
	var paths []string
	if cfg.SocketDir != "" {
		paths = append(paths, cfg.SocketDir)
	}
	paths = append(paths, cfg.Registries.Files()...)
	for _, a := range cfg.Listen {
		if a.Network == "unix" && !strings.HasPrefix(a.Addr, "@") { // an abstract socket has no file
			paths = append(paths, a.Addr)
		}
	}
	return paths
}

// ownAddresses returns where guests could reach the daemon.
func ownAddresses(listeners []net.Listener) (own []netip.AddrPort) {
	for _, l := range listeners {
		if at, ok := l.Addr().(*net.TCPAddr); ok {
			own = append(own, at.AddrPort())
		}
	}
	return own
}

// Addresses returns where the daemon listens, with the ports that were chosen where 0 was asked for.
func (d *Daemon) Addresses() []config.Address { return d.addresses }

// Failed returns a channel that receives the error of a listener that no longer serves.
func (d *Daemon) Failed() <-chan error { return d.failed }

// Stop stops the daemon as its type describes; it is called once. The grace period ends with ctx.
func (d *Daemon) Stop(ctx context.Context) error {
	d.health.SetDraining(true)
	ctx, cancel := context.WithTimeout(ctx, d.grace+lastGuests)
	defer cancel()
	deaf := time.AfterFunc(d.grace+slowClients, d.server.BreakOff)
	err := d.reactor.Shutdown(ctx)
	deaf.Stop()
	last, cancel := context.WithTimeout(context.Background(), lastCalls)
	defer cancel()
	hung := d.server.Stop(last)
	d.stopOthers()
	d.tending()
	if hung == nil {
		d.serving.Wait()
	}
	if err != nil {
		err = fmt.Errorf("the reactor did not shut down cleanly: %w", err)
	}
	if err := errors.Join(err, hung); err != nil {
		return err
	}
	d.log.Info("stopped")
	return nil
}

func addresses(listeners []net.Listener) []config.Address {
	list := make([]config.Address, len(listeners))
	for i, l := range listeners {
		list[i] = config.AddressOf(l)
	}
	return list
}
