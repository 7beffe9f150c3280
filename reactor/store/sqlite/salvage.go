package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// Salvaged says what was readable of a database, or was kept of it.
type Salvaged struct {
	Workloads, Modules int
	// Unreadable is the number of records found damaged.
	Unreadable int
	// Incomplete is true if parts could not be scanned, so that an unknown number of further records is lost.
	Incomplete bool
	// Faulty are modules whose records are readable and whose bytes are not.
	Faulty []FaultyModule
	// Aside is the path of the damaged database now; empty if it was only checked.
	Aside string
}

// Damaged reports whether anything of the database was lost.
func (s Salvaged) Damaged() bool { return s.Unreadable > 0 || s.Incomplete }

// Check reads all of a store that nobody has open, and returns what is readable. It changes
// nothing.
func Check(ctx context.Context, dir string) (found Salvaged, err error) {
	lock, err := lockDir(dir)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	path := filepath.Join(dir, databaseName)
	if _, err := os.Stat(path); err != nil { // SQLite would make one
		return found, err
	}
	s := &salvage{modules: filepath.Join(dir, modulesName), keep: func(func(to *conn) error) error { return nil }}
	err = s.read(ctx, path)
	return s.found, err
}

// Salvage sets the database of a store that nobody has open aside, and makes a new one of all that is readable. The
// cursors of earlier watches expire.
func Salvage(ctx context.Context, dir string, now time.Time) (found Salvaged, err error) {
	lock, err := lockDir(dir)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	path := filepath.Join(dir, databaseName)
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405.000")
	for _, suffix := range []string{"", "-wal"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return found, err
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	s := &Store{cfg: Config{Dir: dir}.withDefaults()}
	to, err := s.openWriter(ctx, dir)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	if err := migrate(to, dir); err != nil {
		return found, err
	}
	sv := &salvage{modules: filepath.Join(dir, modulesName), keep: func(write func(*conn) error) error { return write(to) }}
	if err := sv.write(ctx, to, aside); err != nil {
		return found, err
	}
	sv.found.Aside = aside
	return sv.found, nil
}

// salvage copies what is readable of a database to another.
type salvage struct {
	modules  string // the folder of their bytes
	keep     func(write func(to *conn) error) error
	found    Salvaged
	revision int64 // the highest seen
}

// salvageBatch is how many records go into one transaction.
const salvageBatch = 500

// write copies all records.
func (s *salvage) write(ctx context.Context, to *conn, from string) error {
	if _, err := to.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	n := 0
	keep := s.keep
	s.keep = func(write func(*conn) error) error {
		if n++; n%salvageBatch == 0 {
			if _, err := to.exec("COMMIT"); err != nil {
				return err
			}
			if _, err := to.exec("BEGIN IMMEDIATE"); err != nil {
				return err
			}
		}
		return keep(write)
	}
	if err := s.read(ctx, from); err != nil {
		return err
	}
	if _, err := to.exec(`INSERT INTO counts (module, state, n) SELECT module, state, count(*) FROM workloads GROUP BY module, state`); err != nil {
		return err
	}
	// What was lost is unknown, so watches have to list again.
	for _, key := range []string{metaFloor, metaSequence} {
		_, err := to.exec(`INSERT INTO meta (key, value) SELECT ?, max(?, ifnull((SELECT max(seq) FROM workloads), 0))`, key, s.revision)
		if err != nil {
			return err
		}
	}
	_, err := to.exec("COMMIT")
	return err
}

// read scans the database at path, skipping damaged parts.
func (s *salvage) read(ctx context.Context, path string) error {
	c, err := connect(ctx, path, [][2]string{
		{"busy_timeout", "10000"},
		{"writable_schema", "1"}, // so that a truncated file is read as far as it goes
		{"query_only", "1"},
	})
	if damaged(err) {
		s.found.Incomplete = true // nothing can be read
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.readAll(ctx, c); damaged(err) {
		s.found.Incomplete = true
	} else if err != nil {
		return errors.Join(err, c.close())
	}
	return c.close()
}

func (s *salvage) readAll(ctx context.Context, c *conn) error {
	if err := s.readTags(c); err != nil {
		return err
	}
	if err := s.scan(ctx, c, "modules", "seq", s.readModule); err != nil {
		return err
	}
	return s.scan(ctx, c, "workloads", "seq", s.readWorkload)
}

// maxGap bounds how many unreadable numbers in a row are tried: those of some hundred pages.
const maxGap = 5_000

// scan calls each for the numbers of a table in order, skipping those that cannot be read.
func (s *salvage) scan(ctx context.Context, c *conn, table, key string, each func(c *conn, n int64) error) error {
	query := `SELECT ` + key + ` FROM ` + table + ` WHERE ` + key + ` > ? ORDER BY ` + key + ` LIMIT 1`
	for n, gap := int64(0), 0; gap < maxGap; {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := n
		found, err := c.one(query, []any{n}, &next)
		switch {
		case damaged(err), err == nil && found && next <= n: // a page of nonsense can return any number
			s.found.Incomplete = true
			n++
			gap++
			continue
		case err != nil:
			return err
		case !found:
			return nil
		}
		n, gap = next, 0
		if err := each(c, n); err != nil {
			return err
		}
	}
	return nil
}

// readTags copies the tags; tags of lost modules go with the next deletion.
func (s *salvage) readTags(c *conn) error {
	err := c.each(`SELECT tag, digest FROM tags`, nil, func(rows *sql.Rows) error {
		var tag string
		var digest []byte
		if err := rows.Scan(&tag, &digest); err != nil {
			return err
		}
		return s.keep(func(to *conn) error {
			_, err := to.exec(`INSERT INTO tags (tag, digest) VALUES (?, ?)`, tag, digest)
			return err
		})
	})
	if damaged(err) {
		s.found.Incomplete = true
		return nil
	}
	return err
}

func (s *salvage) readModule(c *conn, seq int64) error {
	var m moduleRow
	_, err := c.one(`SELECT `+moduleColumns+` FROM modules WHERE seq = ?`, []any{seq}, m.fields()...)
	if damaged(err) || err == nil && (m.checksum() != m.sum || len(m.digest) != len(store.Digest{})) {
		s.found.Unreadable++
		return nil
	}
	if err != nil {
		return err
	}
	s.found.Modules++
	if err := s.verify(c, store.Digest(m.digest)); err != nil {
		return err
	}
	return s.keep(func(to *conn) error {
		_, err := to.exec(`INSERT INTO modules (`+moduleColumns+`) VALUES (?, ?, ?, ?, ?, ?)`, m.seq, m.digest, m.size, m.created, notNil(m.info), m.sum)
		if err != nil {
			return err
		}
		from, used := readUse(c, m.digest)
		return notePush(to, m.digest, from, used)
	})
}

// verify reads the bytes of a module.
func (s *salvage) verify(c *conn, digest store.Digest) error {
	fault := blob.Verify(s.modules, digest)
	if fault == nil {
		return nil
	}
	faulty, err := faultyModule(c, digest, fault)
	s.found.Faulty = append(s.found.Faulty, faulty)
	return err
}

// readUse returns what pushes said of a module, and its last use. If these can't be read it counts as used now.
func readUse(c *conn, digest []byte) (from store.Provenance, used int64) {
	found, err := c.one(`SELECT name, used FROM uses WHERE digest = ?`, []any{digest}, &from.Name, &used)
	if !found || err != nil {
		return store.Provenance{}, stamp(time.Now())
	}
	if _, err := c.one(`SELECT artifact, signer FROM uses WHERE digest = ?`, []any{digest}, &from.Artifact, &from.Signer); err != nil {
		return store.Provenance{Name: from.Name}, used // it is from before there were such columns
	}
	return from, used
}

func (s *salvage) readWorkload(c *conn, seq int64) error {
	r, err := recordBySeq(c, seq)
	var w *store.Workload
	if err == nil {
		w, err = r.workload(c)
	}
	var corrupt *store.CorruptError
	if errors.As(err, &corrupt) {
		s.found.Unreadable++
		return nil
	}
	if err != nil {
		return err
	}
	s.found.Workloads++
	s.revision = max(s.revision, r.revision)
	err = s.keep(func(to *conn) error { return r.restore(to, w) })
	if err != nil {
		return err
	}
	return s.readLog(c, seq)
}

// restore writes a record unchanged.
func (r *record) restore(to *conn, w *store.Workload) error {
	_, err := to.exec(`INSERT INTO workloads (`+recordColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.seq, r.state, r.attempts, r.updated, r.revision, notNil(r.status), r.stateSum,
		r.id, r.tenant, r.name, notNil(r.labels), r.module, r.created, r.fixedSum)
	if err != nil {
		return err
	}
	if _, err := to.exec(`INSERT INTO specs (seq, hash, spec) VALUES (?, ?, ?)`, r.seq, w.SpecHash[:], notNil(w.Spec)); err != nil {
		return err
	}
	for key, value := range w.Labels {
		if _, err := to.exec(`INSERT INTO labels (key, value, seq) VALUES (?, ?, ?)`, key, value, r.seq); err != nil {
			return err
		}
	}
	return nil
}

// readLog copies a log up to the first damaged row. Rows that were deleted leave gaps between the others.
func (s *salvage) readLog(c *conn, seq int64) error {
	first, last := logKeys(seq)
	err := c.each(`SELECT key, start, size, entries, sum FROM logs WHERE key BETWEEN ? AND ? ORDER BY key`, []any{first, last}, func(rows *sql.Rows) error {
		var row logRow
		if err := rows.Scan(&row.key, &row.start, &row.size, &row.entries, &row.sum); err != nil {
			return err
		}
		if row.check() != nil {
			return errDamagedRow
		}
		return s.keep(func(to *conn) error { return row.write(to) })
	})
	if damaged(err) || errors.Is(err, errDamagedRow) {
		s.found.Unreadable++
		return nil
	}
	return err
}

// errDamagedRow stops the copying of a log.
var errDamagedRow = errors.New("a row of the log is damaged")

// damagedError returns the error for a database that cannot be opened, with what to do about it.
func damagedError(dir string, err error) error {
	return fmt.Errorf("the database %s is damaged: %w; `reactord store check` reports what of it can be read, "+
		"`reactord store salvage` sets it aside and keeps what can be read", filepath.Join(dir, databaseName), err)
}
