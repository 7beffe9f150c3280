package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/reactor/store"
)

// A new store is announced, and none is made beside a store that a restore has put in a wrong place.
func TestNewStore(t *testing.T) {
	backup := t.TempDir()
	open := func(dataDir string) (announced bool, err error) {
		core, logs := observer.New(zap.InfoLevel)
		s, err := openerOf(dataDir, zap.New(core))(t.Context(), store.Options{})
		if err != nil {
			return false, err
		}
		return logs.FilterMessage("made a new store").Len() == 1, s.Close()
	}
	if announced, err := open(backup); !announced || err != nil {
		t.Fatalf("the first time: announced %t, %v", announced, err)
	}
	if announced, err := open(backup); announced || err != nil {
		t.Errorf("the second time: announced %t, %v", announced, err)
	}
	for _, tt := range []struct {
		name string
		from string // what of the backup is copied
		to   string // where to in the data folder
		over bool   // the data folder has a store
		want bool
	}{
		{"right", "store", "store", false, true},
		{"the backup as the store", ".", "store", false, false},
		{"the store into the store", "store", "store/store", true, false},
		{"the backup into an empty folder of the store", ".", "store/backup", false, false},
		{"the files into the data folder", "store", ".", false, false},
		{"a backup that is kept in the data folder", ".", "backups/monday", false, true},
		{"a backup that is kept beside the store", ".", "store/monday", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dataDir := t.TempDir()
			if tt.over {
				if _, err := open(dataDir); err != nil {
					t.Fatal(err)
				}
			}
			to := filepath.Join(dataDir, tt.to)
			if err := os.CopyFS(to, os.DirFS(filepath.Join(backup, tt.from))); err != nil {
				t.Fatal(err)
			}
			_, err := open(dataDir)
			if tt.want != (err == nil) {
				t.Fatalf("it opens: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "move its store.db and its folder modules to "+storeOf(dataDir)) {
				t.Errorf("it does not say what to do: %v", err)
			}
		})
	}
}
