package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
)

// errAtOnce is returned after a second signal.
var errAtOnce = errors.New("a second signal ended the daemon at once: the next daemon starts unfinished workloads again")

// serve runs the daemon until a signal ends it.
func serve(cfg config.Config, log *zap.Logger) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	d, err := daemon.Start(context.Background(), cfg, log)
	if err != nil {
		return err
	}
	var failure error
	select {
	case s := <-signals:
		log.Info("draining; a second signal ends the daemon at once", zap.Stringer("signal", s))
	case failure = <-d.Failed():
		log.Error("the API can no longer be served", zap.Error(failure))
	}
	stopped := make(chan error, 1)
	go func() { stopped <- d.Stop(context.Background()) }()
	select {
	case err := <-stopped:
		return errors.Join(failure, err)
	case <-signals:
		return errAtOnce // the process ends, and all its goroutines with it
	}
}

// interruptible returns a context that the first signal ends.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
