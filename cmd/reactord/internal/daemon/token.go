package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// tokenSource is where a token is.
type tokenSource struct {
	setting string // by which somebody says where kept is
	kept    string // a file of tokens that others keep; empty: there is none
	own     string // else the daemon's own file, which it makes
}

// apiToken is where the token is of those who call the API.
func apiToken(cfg config.Config) tokenSource {
	return tokenSource{"--api-token-file", cfg.TokenFile, local.Token(cfg.Reactor.DataDir)}
}

// metricsToken is where the token is of those who read metrics: whoever has that of the API can run programs.
func metricsToken(cfg config.Config) tokenSource {
	return tokenSource{"--metrics-token-file", cfg.MetricsTokenFile, local.MetricsToken(cfg.Reactor.DataDir)}
}

// load reads the token, and makes it if it is the daemon's own and there is none. It returns where it is, too.
func (s tokenSource) load() (token *access.Token, path string, err error) {
	if s.kept != "" {
		token, err = s.read()
		return token, s.kept, err
	}
	token, err = access.LoadToken(s.own)
	return token, s.own, err
}

// check returns what is wrong with what load reads. It makes nothing.
func (s tokenSource) check() error {
	if s.kept != "" {
		_, err := s.read()
		return err
	}
	return access.CheckToken(s.own)
}

// read reads the tokens that others keep.
func (s tokenSource) read() (*access.Token, error) {
	token, err := access.ReadTokens(s.kept)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.setting, err)
	}
	return token, nil
}

// checkApart returns an error if whoever reads metrics would have a token of those who call the API. Tokens that cannot be read
// have other errors.
func checkApart(cfg config.Config) error {
	if cfg.InsecureNoAuth || cfg.MetricsTokenFile == "" || !cfg.ServesMetrics() || !cfg.ServesTCP() && !cfg.ServesUI() {
		return nil
	}
	path := cmp.Or(cfg.TokenFile, local.Token(cfg.Reactor.DataDir))
	api, err := access.ReadTokens(path)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	forMetrics, err := access.ReadTokens(cfg.MetricsTokenFile)
	if err != nil || !api.Shares(forMetrics) {
		return nil //nolint:nilerr // see above
	}
	return fmt.Errorf("--metrics-token-file: it has a token that is also in %s: whoever reads metrics could run programs", path)
}

// renewal is a token that was read for a gate, and where it is.
type renewal struct {
	gate  *access.Gate
	token *access.Token
	path  string
}

// guarded calls do with every gate that requires a token.
func (d *Daemon) guarded(do func(*access.Gate, tokenSource)) {
	if d.gate.RequiresToken() {
		do(d.gate, apiToken(d.cfg))
	}
	if d.metrics != nil && d.metrics.gate.RequiresToken() {
		do(d.metrics.gate, metricsToken(d.cfg))
	}
}

// renewTokens reads all tokens again, and makes those that are missing. It takes none over.
func (d *Daemon) renewTokens() (renewals []renewal, err error) {
	var faults []error
	d.guarded(func(gate *access.Gate, from tokenSource) {
		token, path, err := from.load()
		renewals, faults = append(renewals, renewal{gate, token, path}), append(faults, err)
	})
	return renewals, errors.Join(faults...)
}

// followTokens has tokens that others keep taken over when their files change, until ctx ends. Nobody waits for it, since a file system
// may not answer.
func (d *Daemon) followTokens(ctx context.Context) {
	d.guarded(func(_ *access.Gate, from tokenSource) {
		if from.kept != "" {
			go access.FollowTokens(ctx, from.kept, d.log, func(*access.Token) { d.takeOverTokens() })
		}
	})
}

// takeOverTokens takes over the tokens that others keep, of all files: what keeps one from being taken over may be in another.
func (d *Daemon) takeOverTokens() {
	if err := checkApart(d.cfg); err != nil {
		d.log.Error("the file of tokens cannot be used: the tokens read before stay in use", zap.Error(err))
		return
	}
	d.guarded(func(gate *access.Gate, from tokenSource) {
		if from.kept == "" {
			return
		}
		if token, err := from.read(); err == nil { // else whoever follows that file has said why
			d.setToken(renewal{gate, token, from.kept})
		}
	})
}

// setToken has a gate's calls from now on need a token that was read.
func (d *Daemon) setToken(r renewal) {
	if r.gate.SetToken(r.token) {
		d.log.Info("the token has changed", zap.String("file", r.path))
	}
}
