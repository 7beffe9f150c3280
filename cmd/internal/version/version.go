// Package version says which build of the project a command is.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// described is what `git describe` says of the commit that was built. The Makefile and the releases have the linker set
// it; without it the Go toolchain's own stamps tell the version.
var described string

// Info is the build of a command.
type Info struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"` // empty if the toolchain was not told
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"` // OS/ARCHITECTURE
}

// Get returns the build of the running command.
func Get() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return of(described, build)
}

// of returns the build that the linker and the toolchain describe.
func of(described string, build *debug.BuildInfo) Info {
	info := Info{
		Version:   cmp.Or(described, build.Main.Version, "(devel)"),
		GoVersion: runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			info.Commit = s.Value
		}
	}
	return info
}

// String returns the build in one line, without the command's name.
func (i Info) String() string {
	details := []string{i.GoVersion, i.Platform}
	if i.Commit != "" {
		details = append([]string{"commit " + i.Commit[:min(12, len(i.Commit))]}, details...)
	}
	return fmt.Sprintf("%s (%s)", i.Version, strings.Join(details, ", "))
}
