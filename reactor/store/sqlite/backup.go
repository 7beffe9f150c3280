package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// Copied says what a backup has.
type Copied struct {
	Workloads, Modules int
	// Missing are modules that were deleted after the database was copied, and have to be pushed again if they are needed.
	Missing []store.Digest
}

// Backup copies the store in dir, which a Store may have open meanwhile, to the folder to, which it makes. The copy is the
// database as it is at one moment, and the modules that are in it. If Backup fails it leaves nothing behind.
func Backup(ctx context.Context, dir, to string) (copied Copied, err error) {
	if _, err := os.Stat(filepath.Join(dir, databaseName)); err != nil {
		return copied, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return copied, err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return copied, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(to))
		}
	}()
	path := filepath.Join(to, databaseName)
	if err := copyDatabase(ctx, filepath.Join(dir, databaseName), path); err != nil {
		return copied, err
	}
	digests, err := copied.count(ctx, path)
	if err != nil {
		return copied, err
	}
	missing, err := blob.Copy(filepath.Join(dir, modulesName), filepath.Join(to, modulesName), digests)
	if err != nil {
		return copied, err
	}
	for _, digest := range missing {
		copied.Missing = append(copied.Missing, store.Digest(digest))
	}
	copied.Modules = len(digests) - len(copied.Missing)
	return copied, errors.Join(syncDir(to), syncDir(filepath.Dir(to)))
}

// copyDatabase copies a database in one reading transaction, which writers do not wait for.
func copyDatabase(ctx context.Context, from, to string) (err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file, and keeps its mode
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	c, err := connect(ctx, from, [][2]string{{"busy_timeout", fmt.Sprint(busyTimeout)}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.conn.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	f, err = os.Open(to)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// count counts what is in the copy of a database, and returns the digests of its modules.
func (copied *Copied) count(ctx context.Context, path string) (digests []blob.Digest, err error) {
	c, err := connect(ctx, path, [][2]string{{"query_only", "1"}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.one("SELECT count(*) FROM workloads", nil, &copied.Workloads); err != nil {
		return nil, err
	}
	err = c.each("SELECT digest FROM modules", nil, func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		var digest blob.Digest
		if copy(digest[:], raw) != len(digest) {
			return errors.New("the digest of a module is damaged")
		}
		digests = append(digests, digest)
		return nil
	})
	return digests, err
}
