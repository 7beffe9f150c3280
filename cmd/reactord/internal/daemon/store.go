package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

// storeOf returns the folder of the store within a data folder.
func storeOf(dataDir string) string { return filepath.Join(dataDir, "store") }

// openerOf returns what opens the store of a data folder. It logs that a new store was made, and makes none where one seems to
// have been put in a wrong place: a restore that went wrong would look like a loss of all data.
func openerOf(dataDir string, log *zap.Logger) store.Opener {
	dir := storeOf(dataDir)
	open := sqlite.Opener(dir)
	return func(ctx context.Context, options store.Options) (store.Store, error) {
		existed := sqlite.Exists(dir)
		if err := misplaced(dataDir, existed); err != nil {
			return nil, err
		}
		s, err := open(ctx, options)
		if err == nil && !existed {
			log.Info("made a new store", zap.String("folder", dir))
		}
		return s, err
	}
}

// misplaced returns an error that names a store which a copy has put beside its place in a data folder, complete or not. If the
// place has a store, too, only what a copy onto that one makes is looked for.
func misplaced(dataDir string, existed bool) error {
	place := storeOf(dataDir)
	suspects := []string{storeOf(place)}
	if !existed {
		if partial, found := sqlite.Partial(place); found {
			return fmt.Errorf("a restore is not complete, whose copy is %s: let `reactord store restore` come to its end, or call it again; "+
				"to start without it remove that folder", partial)
		}
		suspects = append(suspects, dataDir)
		entries, err := os.ReadDir(place)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			below := filepath.Join(place, entry.Name())
			suspects = append(suspects, below, storeOf(below))
		}
	}
	for _, suspect := range suspects {
		if sqlite.Exists(suspect) {
			return fmt.Errorf("there is a store in %s, where it is not used: if it is to be restored, move its store.db and its folder modules to %s; "+
				"else move it out of the data folder", suspect, place)
		}
	}
	return nil
}

// Salvaged says what was readable of a store, or was kept of it.
type Salvaged = sqlite.Salvaged

// FaultyModule is a module whose bytes are missing or damaged.
type FaultyModule = sqlite.FaultyModule

// BackUp copies the store in a data folder, which a daemon may use meanwhile, to another folder, as that folder's store.
func BackUp(ctx context.Context, dataDir, to string) (Copied, error) {
	copied, err := sqlite.Backup(ctx, storeOf(dataDir), storeOf(to))
	if errors.Is(err, fs.ErrExist) {
		return copied, fmt.Errorf("%s has a store already, which stays as it is: name another folder", to)
	}
	return copied, explain(err, dataDir)
}

// Restore copies the store of a backup, which is the folder that BackUp was given or its folder store, to a data folder that
// has none.
func Restore(ctx context.Context, backup, dataDir string) (Copied, error) {
	from := storeOf(backup)
	if !sqlite.Exists(from) {
		from = backup
	}
	copied, err := sqlite.Backup(ctx, from, storeOf(dataDir))
	switch {
	case errors.Is(err, fs.ErrExist):
		return copied, fmt.Errorf("%s is there already, and stays as it is: stop the daemon and move it away first", storeOf(dataDir))
	case errors.Is(err, fs.ErrNotExist):
		return copied, fmt.Errorf("there is no backup in %s: name the folder that `reactord store backup` was given", backup)
	}
	return copied, err
}

// Copied says what a backup has.
type Copied = sqlite.Copied

// CheckStore reports what is readable of the store in a data folder that no daemon uses. It changes
// nothing.
func CheckStore(ctx context.Context, dataDir string) (Salvaged, error) {
	found, err := sqlite.Check(ctx, storeOf(dataDir))
	return found, explain(err, dataDir)
}

// SalvageStore sets the damaged database of a store aside, in a data folder that no daemon uses, and keeps
// what is readable of it. A database that is not damaged is only set aside with force.
func SalvageStore(ctx context.Context, dataDir string, force bool) (Salvaged, error) {
	dir := storeOf(dataDir)
	if !force {
		found, err := sqlite.Check(ctx, dir)
		if _, locked := errors.AsType[*store.LockedError](err); locked || errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return found, explain(err, dataDir)
		}
		if err == nil && !found.Damaged() {
			return found, undamaged(dataDir, len(found.Faulty))
		}
	}
	found, err := sqlite.Salvage(ctx, dir, time.Now())
	return found, explain(err, dataDir)
}

// undamaged refuses to salvage a database.
func undamaged(dataDir string, faultyModules int) error {
	const force = "--force makes a new database all the same"
	if faultyModules > 0 {
		return fmt.Errorf("the database of the store in %s is not damaged, and nothing was changed (%s); but %d of its modules are missing or damaged: "+
			"`reactord store check` names them, and pushing them again repairs them", dataDir, force, faultyModules)
	}
	return fmt.Errorf("the store in %s is not damaged, and nothing was changed (%s)", dataDir, force)
}

// explain says what to do if there is no store.
func explain(err error, dataDir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no store in %s: name the daemon's data folder with --data-dir", dataDir)
	}
	return err
}
