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

// lastScrape is how long pages under way may take to be written at the end.
const lastScrape = time.Second

// metricsServer serves metrics. A nil one serves none.
type metricsServer struct {
	metrics  *metrics.Metrics
	listener net.Listener
	gate     *access.Gate
	server   *metrics.Server
}

// newMetricsServer listens where cfg asks for metrics; it returns nil if it does not. What is counted is counted from then on.
func newMetricsServer(ctx context.Context, cfg config.Config, log *zap.Logger) (*metricsServer, error) {
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
	m := &metricsServer{metrics: metrics.New(), listener: l, gate: gate}
	m.server = metrics.NewServer(m.metrics, gate.AdmitHTTP, log)
	log.Info("metrics", zap.Stringer("at", config.AddressOf(l)), zap.Bool("tls", cfg.TLS.Cert != ""))
	return m, nil
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

// hooks returns the hooks that metrics are counted by, joined to others.
func (m *metricsServer) hooks(others hooks.Hooks) hooks.Hooks {
	if m == nil {
		return others
	}
	return hooks.Join(others, m.metrics.Hooks())
}

// onCommitted returns what counts the store's commits; nil if nothing does.
func (m *metricsServer) onCommitted() func(store.Commit) {
	if m == nil {
		return nil
	}
	return func(c store.Commit) { m.metrics.OnCommit(c.Took, c.Bytes) }
}

// and returns others and the listener for metrics.
func (m *metricsServer) and(others []net.Listener) []net.Listener {
	if m == nil {
		return others
	}
	return append(slices.Clip(others), m.listener)
}

// serveMetrics has the daemon's figures read and its calls counted, and serves them, over TLS if the API is.
func (d *Daemon) serveMetrics() {
	m := d.metrics
	if m == nil {
		return
	}
	m.metrics.Read(metrics.Sources{
		Node: d.reactor.Node, Reactor: d.reactor.Metrics,
		Clients: d.clients, CertificateExpiry: d.certificateExpiry, Lost: d.telemetry.lost,
	})
	d.server.OnCall(func(c server.Ended) { m.metrics.OnCall(c.Method, c.Code.String(), c.Reason) })
	d.server.OnItemError(m.metrics.OnError)
	files := d.sameTLS("http/1.1")
	d.serving.Go(func() {
		if err := m.server.Serve(m.listener, files); err != nil {
			d.failed <- fmt.Errorf("serving metrics at %s: %w", m.listener.Addr(), err)
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
func (m *metricsServer) stop() {
	if m == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastScrape)
	defer cancel()
	m.server.Stop(ctx)
	_ = m.listener.Close() // unless it was served
}
