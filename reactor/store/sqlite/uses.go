package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// maxUses bounds writer.uses.
const maxUses = 1 << 14

// use notes a submission of a module. It is written only if the last one that was written is store.UseStep old.
func (tx *tx) use(module store.Digest, at int64) error {
	last, ok := tx.uses[module]
	if !ok {
		last = tx.usesBefore[module]
	}
	if at-last < int64(store.UseStep) {
		return nil
	}
	if tx.uses == nil {
		tx.uses = make(map[store.Digest]int64)
	}
	tx.uses[module] = at
	_, err := tx.exec(`UPDATE uses SET used = max(used, ?) WHERE digest = ?`, at, module[:])
	return err
}

// keepUses takes over the uses that a transaction has committed.
func (w *writer) keepUses(uses map[store.Digest]int64) {
	for module, at := range uses {
		if len(w.uses) >= maxUses {
			clear(w.uses)
		}
		w.uses[module] = at
	}
}

// push notes a push of a module.
func (tx *tx) push(digest []byte, from store.Provenance, at int64) error {
	return notePush(tx.conn, digest, from, at)
}

// notePush notes a push of a module in a database, which may be one that is being salvaged.
func notePush(c *conn, digest []byte, from store.Provenance, at int64) error {
	_, err := c.exec(`INSERT INTO uses (digest, name, artifact, signer, used) VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET
		name = iif(excluded.name = '', name, excluded.name),
		artifact = iif(excluded.artifact = '', artifact, excluded.artifact),
		signer = iif(excluded.signer = '', signer, excluded.signer),
		used = max(used, excluded.used)`, digest, from.Name, from.Artifact, from.Signer, at)
	return err
}

// useOp notes a push of a module that is stored already.
type useOp struct {
	call
	digest store.Digest
	from   store.Provenance
	at     int64
}

func (o *useOp) apply(tx *tx) error {
	return o.keep(func() error {
		if err := tx.needModule(o.digest); err != nil {
			return err
		}
		return tx.push(o.digest[:], o.from, o.at)
	}())
}

// pruneModuleOp removes the record of a module that nothing refers to.
type pruneModuleOp struct {
	call
	digest store.Digest
	before int64
}

func (o *pruneModuleOp) apply(tx *tx) error {
	return o.keep(func() error {
		if err := tx.flush(); err != nil {
			return err
		}
		var kept bool
		found, err := tx.one(`SELECT used >= ? OR `+referred+` FROM uses WHERE digest = ?`, []any{o.before, o.digest[:]}, &kept)
		if err != nil {
			return err
		}
		if !found {
			return &store.NotFoundError{Kind: store.KindModule, Name: o.digest.String()}
		}
		if kept {
			return &store.KeptError{Digest: o.digest}
		}
		return tx.deleteModule(o.digest)
	}())
}

// referred is a condition on a row of uses: a tag or a workload refers to the module.
const referred = `(EXISTS (SELECT 1 FROM tags WHERE tags.digest = uses.digest)
	OR EXISTS (SELECT 1 FROM counts WHERE counts.module = uses.digest AND n > 0))`

// unusedModules returns a page of the modules that nothing refers to.
func unusedModules(ctx context.Context, c *conn, q store.UnusedQuery) (page store.ModulePage, err error) {
	used, digest, err := parseUnusedToken(q.Token)
	if err != nil {
		return page, err
	}
	type row struct {
		used     int64
		digest   store.Digest
		referred bool
	}
	var rows []row
	err = c.each(`SELECT used, digest, `+referred+` FROM uses WHERE used < ? AND (used, digest) > (?, ?) ORDER BY used, digest LIMIT ?`,
		[]any{stamp(q.Before), used, digest[:], scanLimit}, func(found *sql.Rows) error {
			var r row
			var digest []byte
			if err := found.Scan(&r.used, &digest, &r.referred); err != nil {
				return err
			}
			copy(r.digest[:], digest)
			rows = append(rows, r)
			return nil
		})
	if err != nil {
		return page, err
	}
	size := 0
	for _, r := range rows {
		if len(page.Modules)+len(page.Corrupt) == q.Limit || size >= enoughBytes {
			return page, nil
		}
		page.Next = unusedToken(r.used, r.digest)
		if r.referred {
			continue
		}
		if err := ctx.Err(); err != nil {
			return page, err
		}
		m, err := moduleByDigest(c, r.digest)
		var corrupt *store.CorruptError
		var notFound *store.NotFoundError
		switch {
		case errors.As(err, &corrupt):
			page.Corrupt = append(page.Corrupt, corrupt)
		case errors.As(err, &notFound): // it was deleted meanwhile
		case err != nil:
			return page, err
		default:
			page.Modules = append(page.Modules, m)
			size += len(m.Info)
		}
	}
	if len(rows) < scanLimit {
		page.Next = ""
	}
	return page, nil
}

// unusedToken is the position of a module in the order of use.
func unusedToken(used int64, digest store.Digest) string {
	return strconv.FormatInt(used, 10) + "-" + digest.Hex()
}

func parseUnusedToken(token string) (used int64, digest store.Digest, err error) {
	if token == "" {
		return math.MinInt64, digest, nil
	}
	number, digits, _ := strings.Cut(token, "-")
	used, err = strconv.ParseInt(number, 10, 64)
	if err == nil {
		digest, err = store.ParseDigest("sha256:" + digits)
	}
	if err != nil {
		return 0, digest, fmt.Errorf("%w: %w", store.ErrBadToken, err)
	}
	return used, digest, nil
}

// findModules returns digests that begin with a prefix.
func findModules(c *conn, prefix store.Prefix, former bool, limit int) ([]store.Digest, error) {
	first, last := prefix.Range()
	query := `SELECT digest FROM modules WHERE digest BETWEEN ?1 AND ?2 ORDER BY digest LIMIT ?3`
	if former {
		query = `SELECT * FROM (` + query + `)
			UNION SELECT * FROM (SELECT DISTINCT module FROM counts WHERE module BETWEEN ?1 AND ?2 AND n > 0 ORDER BY module LIMIT ?3)
			ORDER BY 1 LIMIT ?3`
	}
	var found []store.Digest
	err := c.each(query, []any{first[:], last[:], limit}, func(rows *sql.Rows) error {
		var digest []byte
		if err := rows.Scan(&digest); err != nil {
			return err
		}
		if len(digest) == len(store.Digest{}) {
			found = append(found, store.Digest(digest))
		}
		return nil
	})
	return found, err
}

// What follows implements store.Modules.

// FindModules implements store.Modules.
func (s *Store) FindModules(ctx context.Context, prefix store.Prefix, former bool, limit int) (found []store.Digest, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		found, err = findModules(c, prefix, former, limit)
		return err
	})
	return found, err
}

// UntagModule implements store.Modules.
func (s *Store) UntagModule(ctx context.Context, tag string) (store.Digest, error) {
	o := &untagOp{call: newCall(), tag: tag}
	if err := s.do(ctx, o); err != nil {
		return store.Digest{}, err
	}
	return o.digest, nil
}

// UseModule implements store.Modules.
func (s *Store) UseModule(ctx context.Context, digest store.Digest, from store.Provenance, at time.Time) error {
	return s.do(ctx, &useOp{call: newCall(), digest: digest, from: from, at: stamp(at)})
}

// UnusedModules implements store.Modules.
func (s *Store) UnusedModules(ctx context.Context, query store.UnusedQuery) (page store.ModulePage, err error) {
	if query.Limit <= 0 {
		query.Limit = defaultLimit
	}
	err = s.read(ctx, s.lanes.lists, func(c *conn) error {
		page, err = unusedModules(ctx, c, query)
		return err
	})
	return page, err
}

// PruneModule implements store.Modules.
func (s *Store) PruneModule(ctx context.Context, digest store.Digest, before time.Time) error {
	return s.blobs.Delete(ctx, digest, func() error {
		return s.do(ctx, &pruneModuleOp{call: newCall(), digest: digest, before: stamp(before)})
	})
}

// ModuleBytes implements store.Modules.
func (s *Store) ModuleBytes() (used, bound int64) { return s.blobs.Bytes(), s.cfg.ModuleBytes }
