package version

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	host := runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH
	stamped := debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.4-0.20260102030405-0123456789ab"},
		Settings: []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: commit}},
	}
	for _, tt := range []struct {
		name      string
		described string
		build     debug.BuildInfo
		want      string
	}{
		{"nothing is known", "", debug.BuildInfo{}, "(devel) (" + host + ")"},
		{"go install of a version", "", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3 (" + host + ")"},
		{"go build in a clone", "", stamped, "v1.2.4-0.20260102030405-0123456789ab (commit 0123456789ab, " + host + ")"},
		{"make", "v1.2.3-5-g0123456", stamped, "v1.2.3-5-g0123456 (commit 0123456789ab, " + host + ")"},
		{"make without stamps", "v1.2.3", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "v1.2.3 (" + host + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := of(tt.described, &tt.build).String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
