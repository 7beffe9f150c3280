package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// Copied says what a backup has.
type Copied struct {
	Workloads, Modules int
	// Deleted are modules that were deleted after the database was copied, and have to be pushed again if they are needed.
	Deleted []store.Digest
	// Faulty are modules that are not in the backup, since their bytes are missing or damaged.
	Faulty []FaultyModule
}

// Backup copies the store in dir, which a Store may have open meanwhile, to the folder to, which it makes. The copy is the
// database as it is at one moment, and the modules that are in it and sound. It is made beside its place, and moved there when
// it is complete: to is never half a store. If Backup fails it leaves nothing behind, and what is left if the process is killed
// the next Backup to the same place removes.
func Backup(ctx context.Context, dir, to string) (copied Copied, err error) {
	if _, err := os.Stat(filepath.Join(dir, databaseName)); err != nil {
		return copied, err
	}
	parent := filepath.Dir(to)
	_, absent := os.Stat(parent)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return copied, err
	}
	p, err := newPartial(to)
	if err != nil {
		return copied, err
	}
	if err = copied.fill(ctx, dir, p.path); err == nil {
		err = p.finish()
	}
	if err == nil {
		return copied, nil
	}
	err = errors.Join(err, p.discard())
	if errors.Is(absent, fs.ErrNotExist) {
		err = errors.Join(err, os.Remove(parent))
	}
	return copied, err
}

// fill copies the store in dir to the folder to, which is empty.
func (copied *Copied) fill(ctx context.Context, dir, to string) error {
	path := filepath.Join(to, databaseName)
	if err := copyDatabase(ctx, filepath.Join(dir, databaseName), path); err != nil {
		if damaged(err) {
			return damagedError(dir, err)
		}
		return err
	}
	digests, err := copied.count(ctx, path)
	if err != nil {
		return err
	}
	return copied.copyModules(ctx, dir, to, digests)
}

// copyModules copies the modules that are sound, and tells the others.
func (copied *Copied) copyModules(ctx context.Context, dir, to string, digests []blob.Digest) (err error) {
	c, err := connect(ctx, filepath.Join(dir, databaseName), [][2]string{{"busy_timeout", fmt.Sprint(busyTimeout)}, {"query_only", "1"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	from, to := filepath.Join(dir, modulesName), filepath.Join(to, modulesName)
	if err := blob.Create(to); err != nil {
		return err
	}
	for _, digest := range digests {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copied.copyModule(c, from, to, digest); err != nil {
			return err
		}
	}
	return blob.Sync(to)
}

// copyModule copies a module if it is sound. A module's bytes are there as long as its record is: if the record is still
// there, too, the bytes were lost, or the module was pushed again meanwhile, as a second look tells.
func (copied *Copied) copyModule(c *conn, from, to string, digest store.Digest) error {
	for look := 1; ; look++ {
		fault, err := blob.Copy(from, to, digest)
		if err != nil {
			return err
		}
		if fault == nil {
			copied.Modules++
			return nil
		}
		recorded, err := c.one(`SELECT 1 FROM modules WHERE digest = ?`, []any{digest[:]}, new(int))
		switch {
		case err != nil:
			return err
		case !recorded:
			copied.Deleted = append(copied.Deleted, digest)
			return nil
		case look == 2:
			faulty, err := faultyModule(c, digest, fault)
			copied.Faulty = append(copied.Faulty, faulty)
			return err
		}
	}
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
