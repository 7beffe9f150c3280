package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/semaphore"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

const (
	databaseName = "store.db"
	modulesName  = "modules" // the folder of their bytes
	// checkpointPages is how long the log may grow before its pages are copied into the database: 8 MiB.
	// Each checkpoint syncs the database and delays the commits behind it: with 32 MiB the delay is
	// noticeable (TestInFlight), and submitting is no faster.
	checkpointPages = 2048
	// pageSize is SQLite's default today, fixed so that checkpointPages and DatabaseBytes keep their
	// meaning.
	pageSize = 4096
	// busyTimeout is how long, in milliseconds, a connection waits for another's lock. Locks are held for
	// long only while the log of a former process is recovered.
	busyTimeout = 10_000
)

// Opener opens the store in dir with this package's defaults.
func Opener(dir string) store.Opener {
	return func(ctx context.Context, options store.Options) (store.Store, error) {
		s, err := Open(ctx, Config{Dir: dir, Options: options})
		if err != nil {
			return nil, err // rather than a nil *Store in the interface
		}
		return s, nil
	}
}

// Exists reports whether a folder has a store.
func Exists(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, databaseName))
	return err == nil && info.Mode().IsRegular()
}

// Open opens the store in cfg.Dir, creating it if there is none. It fails with a *store.LockedError if another
// process has it open, and with a *store.SchemaError if a newer version wrote it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("the configuration of the store: %w", err)
	}
	cfg = cfg.withDefaults()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{
		room:    semaphore.NewWeighted(cfg.QueueBytes),
		queue:   newQueue(),
		cfg:     cfg,
		closing: make(chan struct{}),
		written: make(chan struct{}),
	}
	if err := s.open(ctx, dir); err != nil {
		return nil, errors.Join(err, s.release())
	}
	go func() {
		defer close(s.written)
		s.writer.run()
	}()
	s.readers.Go(s.shrinkReaders)
	return s, nil
}

// open takes the lock and opens what is in the directory. release undoes it.
func (s *Store) open(ctx context.Context, dir string) (err error) {
	if s.lock, err = lockDir(dir); err != nil {
		return err
	}
	if s.blobs, err = blob.Open(filepath.Join(dir, modulesName), s.cfg.ModuleBytes); err != nil {
		return err
	}
	s.reserve = &reserve{path: filepath.Join(dir, "reserve")}
	err = s.openDatabase(ctx, dir)
	if temporary(err) && s.reserve.spend() {
		if err = s.closeDatabase(); err == nil {
			err = s.openDatabase(ctx, dir)
		}
	}
	if damaged(err) {
		return damagedError(dir, err)
	}
	if err != nil {
		return err
	}
	s.reserve.fill()
	if err := s.sweep(ctx); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// openDatabase opens the connections, and reads where a former process left off.
func (s *Store) openDatabase(ctx context.Context, dir string) error {
	c, err := s.openWriter(ctx, dir)
	if err != nil {
		return err
	}
	s.writer = &writer{
		conn: c, queue: s.queue, observer: s.cfg.Observer, onCommit: s.cfg.OnCommitted, known: make(map[string]head), uses: make(map[store.Digest]int64),
		reserve: s.reserve, outage: s.outageOf(store.DatabaseOutage), space: space{bound: s.cfg.DatabaseBytes, onPressed: s.cfg.OnPressed},
		tagBounds: tagBounds{module: s.cfg.ModuleTags, all: s.cfg.Tags},
	}
	s.uploads = s.outageOf(store.ModulesOutage)
	if err := migrate(c, dir); err != nil {
		return err
	}
	if s.writer.marks, err = loadMarks(c); err != nil {
		return err
	}
	s.writer.revision.Store(s.writer.marks.revision)
	if err := s.writer.space.measure(c); err != nil {
		return err
	}
	s.claims.last = s.writer.marks.sequence
	s.lanes, err = openLanes(s.cfg.Readers, func() (*conn, error) {
		return connect(ctx, filepath.Join(dir, databaseName), [][2]string{
			{"busy_timeout", strconv.Itoa(busyTimeout)},
			{"query_only", "1"},
			{"cache_size", "-4096"},
		})
	})
	return err
}

func (s *Store) outageOf(what string) *outage {
	return &outage{onChange: func(cause error) {
		if s.cfg.OnOutage != nil {
			s.cfg.OnOutage(what, cause)
		}
	}}
}

// openWriter opens the database for writing. It creates the file first, so that only the owner can read it and
// the files that SQLite creates beside it.
func (s *Store) openWriter(ctx context.Context, dir string) (*conn, error) {
	path := filepath.Join(dir, databaseName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	pragmas := [][2]string{
		{"busy_timeout", strconv.Itoa(busyTimeout)},
		{"page_size", strconv.Itoa(pageSize)},
		{"journal_mode", "WAL"},
		{"synchronous", "FULL"},
		{"wal_autocheckpoint", strconv.Itoa(checkpointPages)},
		{"journal_size_limit", strconv.Itoa(2 * checkpointPages * pageSize)},
		{"cache_size", "-32768"},
	}
	if s.cfg.DatabaseBytes > 0 {
		pragmas = append(pragmas, [2]string{"max_page_count", strconv.FormatInt(max(s.cfg.DatabaseBytes/pageSize, 1), 10)})
	}
	return connect(ctx, path, pragmas)
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sweep removes the blobs of modules whose record was never written, or was deleted.
func (s *Store) sweep(ctx context.Context) error {
	known := make(map[store.Digest]bool)
	err := s.writer.conn.each(`SELECT digest FROM modules`, nil, func(rows *sql.Rows) error {
		var digest []byte
		if err := rows.Scan(&digest); err != nil {
			return err
		}
		if len(digest) == len(store.Digest{}) {
			known[store.Digest(digest)] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.blobs.Sweep(ctx, func(digest blob.Digest) bool { return known[digest] })
}

// release undoes open.
func (s *Store) release() error {
	faults := []error{s.closeDatabase()}
	if s.lock != nil {
		faults = append(faults, s.lock.Close())
	}
	return errors.Join(faults...)
}

// closeDatabase closes the connections that openDatabase opened.
func (s *Store) closeDatabase() error {
	faults := []error{s.lanes.close()}
	if w := s.writer; w != nil && !w.closed { // the writer stays: a call that came before may ask for the revision
		w.closed = true
		faults = append(faults, w.conn.close())
	}
	return errors.Join(faults...)
}
