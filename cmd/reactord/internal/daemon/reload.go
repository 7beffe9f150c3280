package daemon

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/reactor/policy"
)

// Change is a setting whose value is not the one in use.
type Change struct {
	config.Setting
	Before string // the value in use
	// Applied says that the new value is in use now. Otherwise it takes effect at the next start.
	Applied bool
}

// Check reports every fault of a configuration that reading it does not show: in the certificate's files, in the token,
// in the reactor's numbers. It changes nothing.
func Check(cfg config.Config) error {
	_, err := check(cfg, zap.NewNop())
	return err
}

// check also returns the TLS configuration that cfg asks for; nil for none.
func check(cfg config.Config, log *zap.Logger) (files *tls.Config, err error) {
	var faults []error
	if cfg.TLS.Cert != "" {
		files, err = access.LoadTLS(cfg.TLS, log)
		faults = append(faults, err)
	}
	if cfg.ServesTCP() && !cfg.InsecureNoAuth {
		faults = append(faults, access.CheckToken(local.Token(cfg.Reactor.DataDir)))
	}
	return files, errors.Join(append(faults, cfg.Reactor.Validate())...)
}

// Reload takes over what can change while the daemon runs from next, which its settings have been read into again. It
// reads the certificate's files and the token again, too; if there is no token any more, it makes a new one. It returns
// all settings that differ from those in use. If anything is wrong it returns every fault and changes nothing.
//
// It is called by the goroutine that calls Stop, before that.
func (d *Daemon) Reload(next config.Config) ([]Change, error) {
	if !slices.Equal(next.Listen, d.cfg.Listen) {
		keepDefaultGrants(&next, d.allow)
	}
	next.Reactor.DataDir, next.Reactor.ABIs = d.cfg.Reactor.DataDir, d.cfg.Reactor.ABIs
	files, err := check(next, d.log)
	if err != nil {
		return nil, err
	}
	if d.gate.RequiresToken() {
		path := local.Token(d.cfg.Reactor.DataDir)
		token, err := access.LoadToken(path)
		if err != nil {
			return nil, err
		}
		if d.gate.SetToken(token) {
			d.log.Info("the token has changed", zap.String("file", path))
		}
	}
	if err := d.reactor.Reconfigure(next.Reactor); err != nil {
		return nil, err
	}
	withTLS := files != nil && d.cfg.TLS.Cert != ""
	if withTLS {
		d.tls.Store(files)
	}
	d.lives.SetScope(next.LogWorkloads)
	d.allow, d.grace = next.Reactor.Allow, graceOf(next)
	return d.adopt(next, withTLS), nil
}

// adopt compares the settings of next with those in use, and notes which are in use now.
func (d *Daemon) adopt(next config.Config, withTLS bool) (changes []Change) {
	for _, s := range next.Settings() {
		c := Change{Setting: s, Before: d.inUse[s.Name], Applied: s.Reloaded}
		if strings.HasPrefix(s.Name, "tls-") {
			c.Applied = withTLS // listeners begin to speak TLS, or cease to, at the start only
		}
		if c.Before == s.Value {
			continue
		}
		if c.Applied {
			d.inUse[s.Name] = s.Value
		}
		changes = append(changes, c)
	}
	return changes
}

// keepDefaultGrants has what may be granted by default stay as it is: it follows from the addresses, and new ones are
// served from the next start on.
func keepDefaultGrants(next *config.Config, current policy.Policy) {
	allow := &next.Reactor.Allow
	if next.Sources["allow-dir"] == "" {
		allow.Dirs = current.Dirs
	}
	if next.Sources["allow-listen"] == "" {
		allow.Listen = current.Listen
	}
	if next.Sources["allow-connect"] == "" {
		allow.Connect = current.Connect
	}
}

// valuesOf returns the values of all settings by their names.
func valuesOf(cfg config.Config) map[string]string {
	values := make(map[string]string)
	for _, s := range cfg.Settings() {
		values[s.Name] = s.Value
	}
	return values
}
