package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
	"github.com/reactord/reactord/cmd/reactord/internal/systemd"
)

// errAtOnce is returned when somebody insists on the end.
var errAtOnce = errors.New("another signal ended the daemon at once: the next daemon starts unfinished workloads again")

// service is a daemon that signals control.
type service struct {
	daemon  *daemon.Daemon
	log     *zap.Logger
	level   zap.AtomicLevel
	load    func() (config.Config, error)
	signals *signals
}

// serve runs the daemon until a signal ends it. It calls load for the settings, now and at each SIGHUP.
func serve(signals *signals, load func() (config.Config, error)) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	s := &service{level: zap.NewAtomicLevelAt(cfg.LogLevel), load: load, signals: signals}
	s.log = newLogger(os.Stderr, cfg.LogFormat, s.level)
	if s.daemon, err = daemon.Start(context.Background(), cfg, s.log); err != nil {
		return err
	}
	systemd.Ready()
	for {
		select {
		case sig := <-signals.stops:
			s.log.Info("draining", zap.Stringer("signal", sig))
			return s.stop(nil)
		case failure := <-s.daemon.Failed():
			s.log.Error("the API can no longer be served", zap.Error(failure))
			return s.stop(failure)
		case <-signals.reloads:
			s.reload()
		}
	}
}

// stop drains and stops the daemon, unless somebody insists on an end at once. failure is why it stops; nil if it was
// asked to.
func (s *service) stop(failure error) error {
	systemd.Stopping()
	stopped := make(chan error, 1)
	go func() { stopped <- s.daemon.Stop(context.Background()) }()
	var pleas insistence
	if failure == nil {
		pleas.onSignal(time.Now())
	}
	for {
		select {
		case err := <-stopped:
			return errors.Join(failure, err)
		case <-s.signals.stops:
			if pleas.onSignal(time.Now()) {
				return errAtOnce // the process ends, and all its goroutines with it
			}
		case <-s.signals.reloads:
			s.log.Info("the settings are not read again, since the daemon drains")
		}
	}
}

// reload reads the settings again and takes over what can change now. The log says what became of each change.
func (s *service) reload() {
	systemd.Reloading()
	defer systemd.Ready()
	cfg, err := s.load()
	var changes []daemon.Change
	if err == nil {
		changes, err = s.daemon.Reload(cfg)
	}
	if err != nil {
		s.log.Error("the settings were read again and have faults: nothing has changed", zap.Strings("faults", faultsOf(err)))
		return
	}
	if cfg.LogLevel < s.level.Level() { // so that what follows is logged by the old or the new level
		s.level.SetLevel(cfg.LogLevel)
	}
	applied := 0
	for _, c := range changes {
		fields := []zap.Field{zap.String("setting", c.Name), zap.String("from", c.Before), zap.String("to", c.Value), zap.String("source", c.Source)}
		if c.Applied {
			applied++
			s.log.Info("a setting has changed", fields...)
		} else {
			s.log.Warn("a setting has changed and takes effect at the next start", fields...)
		}
	}
	s.log.Info("the settings were read again", zap.Int("changed", applied), zap.Int("for_next_start", len(changes)-applied))
	s.level.SetLevel(cfg.LogLevel)
}

// faultsOf returns the faults of a configuration one by one.
func faultsOf(err error) []string {
	if faults, ok := errors.AsType[*config.FaultsError](err); ok {
		return faults.Faults
	}
	return strings.Split(err.Error(), "\n")
}
