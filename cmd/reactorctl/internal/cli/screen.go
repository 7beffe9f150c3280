package cli

import (
	"os"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// screen returns where tables are printed: standard output. It makes what it is given printable itself.
func (a *app) screen() *screen.Screen { return screen.New(a.raw.Out, os.Getenv) }
