package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDaemon(t *testing.T) {
	s := Settings{CurrentContext: "lab", Contexts: map[string]Context{
		"lab":  {Address: "10.0.0.1:7070"},
		"home": {Address: "unix:///run/reactord.sock"},
	}}
	for _, c := range []struct {
		name               string
		settings           Settings
		flag, env, context string
		want, wantErr      string
	}{
		{name: "flag wins", settings: s, flag: "a:1", env: "b:2", context: "home", want: "a:1"},
		{name: "named context beats the environment", settings: s, env: "b:2", context: "home", want: "unix:///run/reactord.sock"},
		{name: "environment beats the current context", settings: s, env: "b:2", want: "b:2"},
		{name: "current context", settings: s, want: "10.0.0.1:7070"},
		{name: "nothing set", want: ""},
		{name: "unknown context", settings: s, context: "moon", wantErr: "context set moon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.settings.Daemon(c.flag, c.env, c.context)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Fatalf("error %v, want one with %q", err, c.wantErr)
				}
				return
			}
			if err != nil || got.Address != c.want {
				t.Fatalf("got %v, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestSaveLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "ctl.yaml")
	if s, err := Load(path); err != nil || len(s.Contexts) != 0 {
		t.Fatalf("a file that is not there: %v, %v", s, err)
	}
	want := Settings{CurrentContext: "x", Contexts: map[string]Context{"x": {Address: "h:1"}}}
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("contxts: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "contxts") {
		t.Fatalf("an unknown key: %v", err)
	}
}
