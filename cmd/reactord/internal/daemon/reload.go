package daemon

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	"github.com/reactord/reactord/reactor/policy"
)

// Change is a setting whose value is not the one in use.
type Change struct {
	config.Setting
	Before string // the value in use
	// Applied says that the new value is in use now. Otherwise it takes effect at the next start.
	Applied bool
	// Widens says that the new value lets clients be granted what they could not be before.
	Widens bool
}

// Prepared is what Prepare has read, for Reload.
type Prepared struct {
	asked config.Config // as it was read
	next  config.Config // with what has to stay as it is until the next start
	files *tls.Config
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
	if (cfg.ServesTCP() || cfg.ServesUI()) && !cfg.InsecureNoAuth {
		faults = append(faults, apiToken(cfg).check())
	}
	if cfg.ServesMetrics() && !cfg.InsecureNoAuth {
		faults = append(faults, metricsToken(cfg).check())
	}
	return files, errors.Join(append(faults, checkApart(cfg), cfg.Registries.Check(), cfg.Reactor.Validate())...)
}

// Prepare checks next, which the daemon's settings have been read into again, and reads the certificate's files. It
// returns every fault, and changes nothing.
//
// It blocks while a file system does not answer. It must not run at the same time as Reload; Stop does not wait for it.
func (d *Daemon) Prepare(next config.Config) (*Prepared, error) {
	asked := next
	if next.FileSettings == 0 && d.fileSettings > 0 {
		return nil, errors.New("--config: there are no settings in the file any more, as if it was just being written: to have the defaults, restart the daemon")
	}
	if !slices.Equal(next.Listen, d.cfg.Listen) {
		keepDefaultGrants(&next, d.allow)
	}
	next.Reactor.DataDir, next.Reactor.ABIs = d.cfg.Reactor.DataDir, d.cfg.Reactor.ABIs
	files, err := check(next, d.log)
	if err != nil {
		return nil, err
	}
	return &Prepared{asked, next, files}, nil
}

// Reload takes over what can change while the daemon runs from what was read. It reads the tokens and the keys for signatures again,
// too; if a token is missing, it makes a new one. It returns all settings that differ from those in use. If anything is wrong it
// returns every fault, and everything stays in use as it was.
//
// It is called by the goroutine that calls Stop, before that.
func (d *Daemon) Reload(p *Prepared) ([]Change, error) {
	next, files := p.next, p.files
	renewals, err := d.renewTokens()
	if err != nil {
		return nil, err
	}
	keys, err := registries.ReadKeys(next.Registries.Keys)
	if err != nil {
		return nil, err
	}
	if err := d.reactor.Reconfigure(next.Reactor); err != nil {
		return nil, err
	}
	for _, r := range renewals {
		d.setToken(r)
	}
	withTLS := files != nil && d.cfg.TLS.Cert != ""
	if withTLS {
		d.tls.Store(files)
	}
	d.lives.SetScope(next.LogWorkloads)
	wider := widened(d.allow, next.Reactor.Allow)
	wider["registry"] = !registries.Covers(d.places, next.Registries.Places)
	d.signers.Accept(next.Registries.Keys, keys)
	wider["require-signature"] = registries.Laxer(d.keys, next.Registries.Keys)
	d.registries.Allow(next.Registries.Places)
	d.places, d.keys = next.Registries.Places, next.Registries.Keys
	d.allow, d.grace, d.fileSettings = next.Reactor.Allow, graceOf(next), next.FileSettings
	return d.adopt(p, withTLS, wider), nil
}

// widened has the settings that allow more after a change of what may be granted.
func widened(before, after policy.Policy) map[string]bool {
	return map[string]bool{
		"allow-dir":     !before.CoversDirs(after),
		"allow-listen":  !before.CoversListen(after),
		"allow-connect": !before.CoversConnect(after),
		"allow-resolve": !before.CoversResolve(after),
		"allow-http":    !before.CoversHTTP(after),
		"allow-secret":  !before.CoversSecrets(after),
	}
}

// adopt compares the settings that were asked for with those in use, and notes which are in use now.
func (d *Daemon) adopt(p *Prepared, withTLS bool, wider map[string]bool) (changes []Change) {
	taken := valuesOf(p.next)
	for _, s := range p.asked.Settings() {
		c := Change{Setting: s, Before: d.inUse[s.Name], Widens: wider[s.Name]}
		c.Applied = s.Reloaded && taken[s.Name] == s.Value
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
	if next.Sources["allow-resolve"] == "" {
		allow.Resolve = current.Resolve
	}
	if next.Sources["allow-http"] == "" {
		allow.HTTP = current.HTTP
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
