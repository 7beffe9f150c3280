package daemon

import (
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

// setToken has calls from now on need a token that was read.
func (d *Daemon) setToken(token *access.Token, path string) {
	if d.gate.SetToken(token) {
		d.log.Info("the token has changed", zap.String("file", path))
	}
}
