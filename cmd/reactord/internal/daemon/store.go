package daemon

import (
	"context"
	"path/filepath"
	"time"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

// storeOf returns the folder of the store within a data folder.
func storeOf(dataDir string) string { return filepath.Join(dataDir, "store") }

// openerOf returns what opens the store of a data folder.
func openerOf(dataDir string) store.Opener { return sqlite.Opener(storeOf(dataDir)) }

// Salvaged says what was readable of a store, or was kept of it.
type Salvaged = sqlite.Salvaged

// BackUp copies the store in a data folder, which a daemon may use meanwhile, to another folder, as that folder's store.
func BackUp(ctx context.Context, dataDir, to string) (Copied, error) {
	return sqlite.Backup(ctx, storeOf(dataDir), storeOf(to))
}

// Copied says what a backup has.
type Copied = sqlite.Copied

// CheckStore reports what is readable of the store in a data folder that no daemon uses. It changes
// nothing.
func CheckStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Check(ctx, storeOf(dataDir))
}

// SalvageStore sets the damaged database of a store aside, in a data folder that no daemon uses, and keeps
// what is readable of it.
func SalvageStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Salvage(ctx, storeOf(dataDir), time.Now())
}
