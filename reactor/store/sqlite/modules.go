package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// moduleRow is a row of modules.
type moduleRow struct {
	seq, size, created, sum int64
	digest, info            []byte
}

func (m *moduleRow) checksum() int64 {
	s := newSum()
	s.bytes(m.digest)
	s.int(m.size)
	s.int(m.created)
	s.bytes(m.info)
	return s.result()
}

func (m *moduleRow) fields() []any {
	return []any{&m.seq, &m.digest, &m.size, &m.created, &m.info, &m.sum}
}

const moduleColumns = `seq, digest, size, created, info, sum`

// module verifies a row, and returns the module with its tags.
func (m *moduleRow) module(c *conn) (*store.Module, error) {
	var digest store.Digest
	copy(digest[:], m.digest)
	if m.checksum() != m.sum {
		return nil, &store.CorruptError{Kind: store.KindModule, Name: digest.String(), Err: fmt.Errorf("%w: %w", store.ErrDamaged, errSum)}
	}
	module := &store.Module{Digest: digest, Size: m.size, Created: unstamp(m.created), Info: orNil(m.info)}
	used := m.created
	if _, err := c.one(`SELECT name, artifact, signer, used FROM uses WHERE digest = ?`, []any{m.digest},
		&module.Name, &module.Artifact, &module.Signer, &used); err != nil {
		return nil, err
	}
	module.Used = unstamp(used)
	err := c.each(`SELECT tag FROM tags WHERE digest = ? ORDER BY tag`, []any{m.digest}, func(rows *sql.Rows) error {
		var tag string
		if err := rows.Scan(&tag); err != nil {
			return err
		}
		module.Tags = append(module.Tags, tag)
		return nil
	})
	return module, err
}

func moduleByDigest(c *conn, digest store.Digest) (*store.Module, error) {
	var m moduleRow
	found, err := c.one(`SELECT `+moduleColumns+` FROM modules WHERE digest = ?`, []any{digest[:]}, m.fields()...)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &store.NotFoundError{Kind: store.KindModule, Name: digest.String()}
	}
	return m.module(c)
}

func moduleByTag(c *conn, tag string) (*store.Module, error) {
	var digest []byte
	found, err := c.one(`SELECT digest FROM tags WHERE tag = ?`, []any{tag}, &digest)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &store.NotFoundError{Kind: store.KindTag, Name: tag}
	}
	var d store.Digest
	copy(d[:], digest)
	return moduleByDigest(c, d)
}

// listModules returns a page. It is shorter than requested if the descriptions of the modules are
// large.
func listModules(ctx context.Context, c *conn, before int64, limit int) (store.ModulePage, error) {
	var page store.ModulePage
	seqs, err := c.int64s(`SELECT seq FROM modules WHERE seq < ? ORDER BY seq DESC LIMIT ?`, before, limit+1)
	if err != nil {
		return page, err
	}
	size := 0
	for i, seq := range seqs {
		if i == limit || size >= enoughBytes {
			page.Next = strconv.FormatInt(seqs[i-1], 10)
			break
		}
		if err := ctx.Err(); err != nil {
			return page, err
		}
		m, err := moduleBySeq(c, seq)
		var corrupt *store.CorruptError
		switch {
		case errors.As(err, &corrupt):
			page.Corrupt = append(page.Corrupt, corrupt)
		case err != nil:
			return page, err
		default:
			page.Modules = append(page.Modules, m)
			size += len(m.Info)
			for _, tag := range m.Tags {
				size += len(tag)
			}
		}
	}
	return page, nil
}

// moduleBySeq reads a module by its number. One that cannot be read is a *store.CorruptError.
func moduleBySeq(c *conn, seq int64) (*store.Module, error) {
	var m moduleRow
	found, err := c.one(`SELECT `+moduleColumns+` FROM modules WHERE seq = ?`, []any{seq}, m.fields()...)
	if err == nil && !found {
		err = errNoRecord
	}
	if damaged(err) || errors.Is(err, errNoRecord) {
		return nil, &store.CorruptError{Kind: store.KindModule, Name: nameless(seq), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return m.module(c)
}

// putModuleOp records a module whose blob is in place.
type putModuleOp struct {
	call
	row    moduleRow
	tag    string
	from   store.Provenance
	module *store.Module
}

func (o *putModuleOp) apply(tx *tx) error {
	if o.tag != "" {
		if err := tx.mayTag(o.tag, o.row.digest); err != nil {
			return o.keep(err)
		}
	}
	// The record may exist: another upload was first, or only the bytes were damaged.
	if _, err := moduleByDigest(tx.conn, store.Digest(o.row.digest)); err != nil {
		if !healable(err) {
			return err
		}
		if err := o.row.write(tx); err != nil {
			return err
		}
	}
	if err := tx.push(o.row.digest, o.from, o.row.created); err != nil {
		return err
	}
	if o.tag != "" {
		if err := tx.tag(o.tag, o.row.digest); err != nil {
			return err
		}
	}
	module, err := moduleByDigest(tx.conn, store.Digest(o.row.digest))
	o.module = module
	return err
}

// write stores a row, replacing the existing one of its digest.
func (m *moduleRow) write(tx *tx) error {
	m.sum = m.checksum()
	clear(tx.modules)
	_, err := tx.exec(`INSERT INTO modules (digest, size, created, info, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (digest) DO UPDATE SET size = excluded.size, created = excluded.created, info = excluded.info, sum = excluded.sum`,
		m.digest, m.size, m.created, notNil(m.info), m.sum)
	return err
}

// tagBounds bound the tags of one module and of all.
type tagBounds struct{ module, all int }

// mayTag returns an error if there would be too many tags.
func (tx *tx) mayTag(tag string, digest []byte) error {
	var at []byte
	exists, err := tx.one(`SELECT digest FROM tags WHERE tag = ?`, []any{tag}, &at)
	if err != nil || exists && bytes.Equal(at, digest) {
		return err
	}
	var n int
	if _, err := tx.one(`SELECT count(*) FROM tags WHERE digest = ?`, []any{digest}, &n); err != nil {
		return err
	}
	if n >= tx.tags.module {
		return &store.TagsError{Digest: store.Digest(digest), Bound: tx.tags.module}
	}
	if exists {
		return nil
	}
	if _, err := tx.one(`SELECT count(*) FROM tags`, nil, &n); err != nil {
		return err
	}
	if n >= tx.tags.all {
		return &store.TagsError{Bound: tx.tags.all}
	}
	return nil
}

func (tx *tx) tag(tag string, digest []byte) error {
	_, err := tx.exec(`INSERT INTO tags (tag, digest) VALUES (?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest`, tag, digest)
	return err
}

// tagOp points a tag at a module.
type tagOp struct {
	call
	tag    string
	digest store.Digest
}

func (o *tagOp) apply(tx *tx) error {
	return o.keep(func() error {
		if err := tx.needModule(o.digest); err != nil {
			return err
		}
		if err := tx.mayTag(o.tag, o.digest[:]); err != nil {
			return err
		}
		return tx.tag(o.tag, o.digest[:])
	}())
}

// untagOp removes a tag.
type untagOp struct {
	call
	tag    string
	digest store.Digest
}

func (o *untagOp) apply(tx *tx) error {
	var digest []byte
	found, err := tx.one(`SELECT digest FROM tags WHERE tag = ?`, []any{o.tag}, &digest)
	if err != nil {
		return err
	}
	if !found {
		return o.keep(&store.NotFoundError{Kind: store.KindTag, Name: o.tag})
	}
	copy(o.digest[:], digest)
	_, err = tx.exec(`DELETE FROM tags WHERE tag = ?`, o.tag)
	return err
}

// deleteModuleOp removes the record of a module, unless it is in use. Submissions run on the same goroutine,
// before or after, so none comes between the check and the deletion.
type deleteModuleOp struct {
	call
	digest store.Digest
}

func (o *deleteModuleOp) apply(tx *tx) error {
	return o.keep(func() error {
		if err := tx.flush(); err != nil {
			return err
		}
		var users int64
		_, err := tx.one(`SELECT ifnull(sum(n), 0) FROM counts WHERE module = ? AND state < 3`, []any{o.digest[:]}, &users)
		if err != nil {
			return err
		}
		if users > 0 {
			return &store.InUseError{Digest: o.digest, Workloads: users}
		}
		return tx.deleteModule(o.digest)
	}())
}

func (tx *tx) deleteModule(digest store.Digest) error {
	clear(tx.modules)
	deleted, err := tx.exec(`DELETE FROM modules WHERE digest = ?`, digest[:])
	if err != nil {
		return err
	}
	if deleted == 0 {
		return &store.NotFoundError{Kind: store.KindModule, Name: digest.String()}
	}
	for _, statement := range []string{`DELETE FROM tags WHERE digest = ?`, `DELETE FROM uses WHERE digest = ?`} {
		if _, err := tx.exec(statement, digest[:]); err != nil {
			return err
		}
	}
	return nil
}

// upload is an Upload whose Commit records the module once its blob is in place.
type upload struct {
	*blob.Upload
	store  *Store
	digest store.Digest
}

func (u *upload) Write(p []byte) (int, error) {
	n, err := u.Upload.Write(p)
	u.store.noteUpload(err)
	return n, translate(translateBlob(err))
}

func (u *upload) Bytes() ([]byte, error) {
	data, err := u.Upload.Bytes()
	return data, translate(translateBlob(err))
}

func (u *upload) Commit(ctx context.Context, module store.NewModule) (*store.Module, error) {
	op := &putModuleOp{call: newCall(), tag: module.Tag, from: module.Provenance, row: moduleRow{
		digest: u.digest[:], size: u.Offset(), created: stamp(module.Created), info: module.Info,
	}}
	if err := u.Upload.Commit(ctx, func() error { return u.store.do(ctx, op) }); err != nil {
		return nil, translate(translateBlob(err))
	}
	return op.module, nil
}

// noteUpload reports that the disk accepts no bytes of modules, or that it does again.
func (s *Store) noteUpload(err error) {
	switch {
	case err == nil:
		s.uploads.onSuccess(time.Now())
	case isPathError(err):
		s.uploads.onFailure(translate(err), time.Now())
	}
}

// isPathError reports whether an error is a failure of the file system rather than a refusal of package blob.
func isPathError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}

// translateBlob converts an error of package blob to the store's error.
func translateBlob(err error) error {
	for _, word := range []struct{ blobs, store error }{
		{blob.ErrFull, store.ErrFull},
		{blob.ErrMismatch, store.ErrDigestMismatch},
		{blob.ErrTooLong, store.ErrTooLong},
		{blob.ErrStalled, store.ErrStalled},
	} {
		if errors.Is(err, word.blobs) {
			return errors.Join(word.store, err)
		}
	}
	return err
}
