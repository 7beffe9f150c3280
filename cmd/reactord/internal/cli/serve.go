package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/smallfile"
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
	load    func(readFile) (config.Config, error)
	signals *signals
	reading chan reading // receives what a reload has read; nil if none is under way
}

// reading is what a reload has read.
type reading struct {
	cfg      config.Config
	prepared *daemon.Prepared
	err      error
}

// serve runs the daemon until a signal ends it. It calls load for the settings, now and at each SIGHUP, and receives
// signals while files are read: a pipe or a file system may never answer.
func serve(signals *signals, load func(readFile) (config.Config, error)) error {
	loaded := make(chan reading, 1)
	go func() {
		cfg, err := load(smallfile.Read)
		loaded <- reading{cfg: cfg, err: err}
	}()
	s := &service{load: load, signals: signals}
	select {
	case r := <-loaded:
		if r.err != nil {
			return r.err
		}
		s.level = zap.NewAtomicLevelAt(r.cfg.LogLevel)
		s.log = newLogger(os.Stderr, r.cfg.LogFormat, s.level)
		asked, err := s.start(r.cfg)
		if err != nil {
			return err
		}
		if asked {
			return s.stop(nil)
		}
	case <-signals.stops:
		return nil // nothing has begun
	}
	systemd.Ready()
	return s.run()
}

// start starts the daemon. It reports whether a signal has asked for the end meanwhile.
func (s *service) start(cfg config.Config) (asked bool, err error) {
	started := make(chan error, 1)
	go func() {
		var err error
		s.daemon, err = daemon.Start(context.Background(), cfg, s.log)
		started <- err
	}()
	var pleas insistence
	for {
		select {
		case err := <-started:
			return asked, err
		case sig := <-s.signals.stops:
			if pleas.onSignal(time.Now()) {
				return true, errAtOnce
			}
			if !asked {
				s.log.Info("draining", zap.Stringer("signal", sig))
			}
			asked = true
		}
	}
}

// run does what signals ask for, until one of them ends the daemon.
func (s *service) run() error {
	for {
		reloads := s.signals.reloads
		if s.reading != nil {
			reloads = nil // one at a time: the signal waits
		}
		select {
		case sig := <-s.signals.stops:
			s.log.Info("draining", zap.Stringer("signal", sig))
			return s.stop(nil)
		case failure := <-s.daemon.Failed():
			s.log.Error("the API can no longer be served", zap.Error(failure))
			return s.stop(failure)
		case <-reloads:
			s.read()
		case r := <-s.reading:
			s.reading = nil
			s.reload(r)
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

// slowReading is after how long the log says that a reload still reads.
const slowReading = 10 * time.Second

// read begins to read the settings again.
func (s *service) read() {
	systemd.Reloading()
	done := make(chan reading, 1)
	s.reading = done
	slow := time.AfterFunc(slowReading, func() {
		s.log.Warn("the settings can't be read: their files do not answer, and until they do nothing changes")
	})
	go func() {
		defer slow.Stop()
		r := reading{}
		if r.cfg, r.err = s.load(smallfile.ReadRegular); r.err == nil {
			r.prepared, r.err = s.daemon.Prepare(r.cfg)
		}
		done <- r
	}()
}

// reload takes over what can change now of the settings that were read. The log says what became of each change.
func (s *service) reload(r reading) {
	defer systemd.Ready()
	cfg, err := r.cfg, r.err
	var changes []daemon.Change
	if err == nil {
		changes, err = s.daemon.Reload(r.prepared)
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
		switch {
		case c.Applied && c.Widens:
			s.log.Warn("a setting has changed and allows more than before", fields...)
		case c.Applied:
			s.log.Info("a setting has changed", fields...)
		default:
			s.log.Warn("a setting has changed and takes effect at the next start", fields...)
		}
		if c.Applied {
			applied++
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
