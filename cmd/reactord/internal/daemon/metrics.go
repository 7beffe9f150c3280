package daemon

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/metrics"
	"github.com/reactord/reactord/cmd/reactord/internal/server"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/store"
)

// lastPage is how long pages under way may take to be written at the end.
const lastPage = time.Second

// page serves metrics.
type page struct {
	metrics  *metrics.Metrics
	listener net.Listener
	gate     *access.Gate
	server   *metrics.Server
}

// newPage listens where cfg asks for metrics; it returns nil if it does not. What is counted is counted from then on.
func newPage(ctx context.Context, cfg config.Config, log *zap.Logger) (*page, error) {
	if !cfg.ServesMetrics() {
		return nil, nil
	}
	gate, err := newMetricsGate(cfg, log)
	if err != nil {
		return nil, err
	}
	l, err := listenAt(ctx, cfg.Metrics)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics at %s: %w", cfg.Metrics, err)
	}
	p := &page{metrics: metrics.New(), listener: l, gate: gate}
	p.server = metrics.NewServer(p.metrics, gate.AdmitHTTP)
	log.Info("metrics", zap.Stringer("at", config.AddressOf(l)), zap.Bool("tls", cfg.TLS.Cert != ""))
	return p, nil
}

// newMetricsGate returns the gate for those who read metrics: they have a token of their own, since whoever has that of the API can
// run programs.
func newMetricsGate(cfg config.Config, log *zap.Logger) (*access.Gate, error) {
	if !cfg.Metrics.Local() && cfg.TLS.Cert == "" {
		log.Warn("NO ENCRYPTION: anyone on the network path to this address can read the token for metrics", zap.Stringer("metrics", cfg.Metrics))
	}
	if cfg.InsecureNoAuth {
		return access.NewOpenGate(), nil
	}
	token, path, err := metricsToken(cfg).load()
	if err != nil {
		return nil, err
	}
	log.Info("metrics require a token of their own", zap.String("file", path))
	return access.NewGate(token), nil
}

// hooks returns the hooks that the page counts by, joined to others.
func (p *page) hooks(others hooks.Hooks) hooks.Hooks {
	if p == nil {
		return others
	}
	return hooks.Join(others, p.metrics.Hooks())
}

// onCommitted returns what counts the store's commits; nil if nothing does.
func (p *page) onCommitted() func(store.Commit) {
	if p == nil {
		return nil
	}
	return func(c store.Commit) { p.metrics.OnCommit(c.Took, c.Bytes) }
}

// and returns all listeners of the daemon: others, and the page's.
func (p *page) and(others []net.Listener) []net.Listener {
	if p == nil {
		return others
	}
	return append(slices.Clip(others), p.listener)
}

// servePage has the daemon's figures read and its calls counted, and serves the page, over TLS if the API is.
func (d *Daemon) servePage() {
	p := d.page
	if p == nil {
		return
	}
	p.metrics.Read(metrics.Sources{
		Node: d.reactor.Node, Reactor: d.reactor.Metrics,
		Clients: d.clients, CertificateExpiry: d.certificateExpiry,
	})
	d.server.OnCall(func(c server.Ended) { p.metrics.OnCall(c.Method, c.Code.String(), c.Reason) })
	files := d.pageTLS("http/1.1")
	d.serving.Go(func() {
		if err := p.server.Serve(p.listener, files); err != nil {
			d.failed <- fmt.Errorf("serving metrics at %s: %w", p.listener.Addr(), err)
		}
	})
}

// clients is what clients of the API have in flight.
func (d *Daemon) clients() metrics.Clients {
	load := d.server.Load()
	return metrics.Clients{
		Connections: load.Connections, MaxConnections: load.MaxConnections, Calls: load.Calls,
		SharedBytes: load.SharedBytes, MaxSharedBytes: load.MaxSharedBytes,
	}
}

// certificateExpiry returns when the certificate expires that is shown now; zero: there is none.
func (d *Daemon) certificateExpiry() time.Time {
	files := d.tls.Load()
	if files == nil {
		return time.Time{}
	}
	current, err := files.GetConfigForClient(nil)
	if err != nil || len(current.Certificates) == 0 || current.Certificates[0].Leaf == nil {
		return time.Time{}
	}
	return current.Certificates[0].Leaf.NotAfter
}

// stop ends what serve began. It may be called if that did not.
func (p *page) stop() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastPage)
	defer cancel()
	p.server.Stop(ctx)
	_ = p.listener.Close() // unless it was served
}
