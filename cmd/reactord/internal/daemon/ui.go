package daemon

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/ui"
)

// lastAnswers is how long answers to browsers may take to be written at the end.
const lastAnswers = time.Second

// uiServer serves the page for browsers. A nil one serves none.
type uiServer struct {
	listener net.Listener
	server   *ui.Server
}

// newUIServer listens where cfg asks for the page, whose calls are those that gate admits; it returns nil if it does not.
func newUIServer(ctx context.Context, cfg config.Config, gate *access.Gate, log *zap.Logger) (*uiServer, error) {
	if !cfg.ServesUI() {
		return nil, nil
	}
	if !cfg.UI.Local() && cfg.TLS.Cert == "" {
		log.Warn("NO ENCRYPTION: anyone on the network path to this address can read the token and all else", zap.Stringer("ui", cfg.UI))
	}
	l, err := listenAt(ctx, cfg.UI)
	if err != nil {
		return nil, fmt.Errorf("cannot serve the page at %s: %w", cfg.UI, err)
	}
	server, err := ui.New(namesOf(cfg), gate.AdmitHTTP, log)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	scheme := "http"
	if cfg.TLS.Cert != "" {
		scheme = "https"
	}
	log.Info("the page for browsers", zap.String("at", scheme+"://"+config.AddressOf(l).String()+"/"))
	return &uiServer{l, server}, nil
}

// namesOf returns which names of hosts may lead to the page, besides localhost. With TLS it is the certificate that proves a name.
func namesOf(cfg config.Config) func(string) bool {
	host, _, _ := net.SplitHostPort(cfg.UI.Addr)
	return func(name string) bool { return cfg.TLS.Cert != "" || name == strings.ToLower(host) }
}

// and returns others and the page's listener.
func (u *uiServer) and(others []net.Listener) []net.Listener {
	if u == nil {
		return others
	}
	return append(slices.Clip(others), u.listener)
}

// serveUI serves the page, over TLS if the API is, and the calls that it passes on.
func (d *Daemon) serveUI() {
	u := d.ui
	if u == nil {
		return
	}
	files := d.sameTLS("h2", "http/1.1")
	d.serving.Go(func() {
		if err := u.server.Serve(u.listener, files); err != nil {
			d.failed <- fmt.Errorf("serving the page at %s: %w", u.listener.Addr(), err)
		}
	})
	d.serving.Go(func() {
		if err := d.server.Serve(u.server.Inner()); err != nil {
			d.failed <- fmt.Errorf("serving the calls of the page: %w", err)
		}
	})
}

// stop ends what serveUI began. It may be called if that did not.
func (u *uiServer) stop() {
	if u == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	u.server.Stop(ctx)
	_ = u.listener.Close() // unless it was served
}
