package daemon

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// A reload that can't take over one token takes over none of the others, and no setting.
func TestReloadOfAFaultyToken(t *testing.T) {
	cfg := config.Config{Listen: []config.Address{loopback}, Metrics: loopback}
	cfg.Reactor.DataDir = t.TempDir()
	cfg.Reactor.MaxPending = 10
	d, err := Start(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Stop(t.Context()) }()
	next := cfg
	next.Reactor.MaxPending = 20
	prepared, err := d.Prepare(next)
	if err != nil {
		t.Fatal(err)
	}
	before, own := tokenAt(t, local.Token(cfg.Reactor.DataDir)), local.MetricsToken(cfg.Reactor.DataDir)
	renewed := strings.Repeat("x", len(before))
	if err := os.WriteFile(local.Token(cfg.Reactor.DataDir), []byte(renewed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(own, 0o644); err != nil {
		t.Fatal(err)
	}
	admits := func(gate *access.Gate, token string) bool { return gate.AdmitHTTP([]string{"Bearer " + token}) == nil }

	if _, err := d.Reload(prepared); err == nil || !strings.Contains(err.Error(), own) {
		t.Errorf("got %v", err)
	}
	if !admits(d.gate, before) || admits(d.gate, renewed) || d.reactor.Metrics().Queue.Max != 10 {
		t.Error("a part of the reload is in use")
	}
	if err := os.Chmod(own, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(prepared); err != nil || admits(d.gate, before) || !admits(d.gate, renewed) || d.reactor.Metrics().Queue.Max != 20 {
		t.Errorf("the reload is not in use: %v", err)
	}
}

var loopback = config.Address{Network: "tcp", Addr: "127.0.0.1:0"}

func tokenAt(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
