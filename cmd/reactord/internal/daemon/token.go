package daemon

import (
	"errors"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// loadToken reads the tokens of the file that cfg names, or else the token of the data folder, which it makes if there is none. It
// returns where it is, too.
func loadToken(cfg config.Config) (token *access.Token, path string, err error) {
	if path = cfg.TokenFile; path != "" {
		token, err = access.ReadTokens(path)
		return token, path, err
	}
	path = local.Token(cfg.Reactor.DataDir)
	token, err = access.LoadToken(path)
	return token, path, err
}

// checkToken returns what is wrong with what loadToken reads. It makes nothing.
func checkToken(cfg config.Config) error {
	if cfg.TokenFile != "" {
		_, err := access.ReadTokens(cfg.TokenFile)
		return err
	}
	return access.CheckToken(local.Token(cfg.Reactor.DataDir))
}

// renewal is a token that was read for a gate, and where it is.
type renewal struct {
	gate  *access.Gate
	token *access.Token
	path  string
}

// renewTokens reads all tokens again, and makes those that are missing. It takes none over.
func (d *Daemon) renewTokens() (renewals []renewal, err error) {
	var faults []error
	if d.gate.RequiresToken() {
		token, path, err := loadToken(d.cfg)
		renewals, faults = append(renewals, renewal{d.gate, token, path}), append(faults, err)
	}
	if d.page != nil && d.page.gate.RequiresToken() {
		token, path, err := loadMetricsToken(d.cfg.Reactor.DataDir)
		renewals, faults = append(renewals, renewal{d.page.gate, token, path}), append(faults, err)
	}
	return renewals, errors.Join(faults...)
}

// setToken has a gate's calls from now on need a token that was read.
func (d *Daemon) setToken(r renewal) {
	if r.gate.SetToken(r.token) {
		d.log.Info("the token has changed", zap.String("file", r.path))
	}
}
