package reactor

import (
	"context"
	"path/filepath"
	"time"

	"github.com/reactord/reactord/reactor/store/sqlite"
)

// Salvaged is what can be read of a store, or was kept of it.
type Salvaged = sqlite.Salvaged

// CheckStore tells what can be read of the store in a data folder that no reactor uses. It changes
// nothing.
func CheckStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Check(ctx, filepath.Join(dataDir, storeDir))
}

// SalvageStore sets the database of a damaged store aside, in a data folder that no reactor uses, and
// goes on with what can be read of it.
func SalvageStore(ctx context.Context, dataDir string) (Salvaged, error) {
	return sqlite.Salvage(ctx, filepath.Join(dataDir, storeDir), time.Now())
}

// storeDir is where in the data folder the store is.
const storeDir = "store"
