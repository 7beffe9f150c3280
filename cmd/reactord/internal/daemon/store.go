package daemon

import (
	"context"
	"path/filepath"
	"time"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

// storeOf is where in a data folder the store is.
func storeOf(dataDir string) string { return filepath.Join(dataDir, "store") }

// openerOf opens the store of a data folder.
func openerOf(dataDir string) store.Opener { return sqlite.Opener(storeOf(dataDir)) }

// Salvaged is what can be read of a store, or was kept of it.
type Salvaged = sqlite.Salvaged

// CheckStore tells what can be read of the store in a data folder that no daemon uses. It changes
// nothing.
func CheckStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Check(ctx, storeOf(dataDir))
}

// SalvageStore sets the database of a damaged store aside, in a data folder that no daemon uses, and
// goes on with what can be read of it.
func SalvageStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Salvage(ctx, storeOf(dataDir), time.Now())
}
