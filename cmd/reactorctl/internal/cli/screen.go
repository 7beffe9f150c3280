package cli

import (
	"os"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/reactorctl/internal/viewer"
)

// screen returns where tables are printed: standard output. It makes what it is given printable itself.
func (a *app) screen() *screen.Screen { return screen.New(a.raw.Out, os.Getenv) }

// terminal returns where something is shown that goes on. A command that has to end at once gives it back first.
func (a *app) terminal(s *screen.Screen) viewer.Terminal {
	return viewer.Terminal{In: a.raw.In, Out: a.raw.Out, Screen: s, OnShow: func(restore func()) {
		if restore == nil {
			a.restore.Store(nil)
			return
		}
		a.restore.Store(&restore)
	}}
}
