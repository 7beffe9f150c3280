package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// FaultyModule is a module whose record is there, and whose bytes are missing or damaged on disk. Pushing it again repairs
// it.
type FaultyModule struct {
	Digest store.Digest
	Fault  error // fs.ErrNotExist if it is missing, blob.ErrMismatch if it is damaged; otherwise it cannot be read
	Tags   []string
	// Waiting are the ids of unfinished workloads that need it, the first maxNamed; Unfinished is how many there are.
	Waiting    []string
	Unfinished int
}

// Missing reports whether the module's file is not there.
func (m FaultyModule) Missing() bool { return errors.Is(m.Fault, fs.ErrNotExist) }

// Damaged reports whether the module's file has other bytes than were pushed.
func (m FaultyModule) Damaged() bool { return errors.Is(m.Fault, blob.ErrMismatch) }

// maxNamed bounds the workloads that are named for one module.
const maxNamed = 3

// faultyModule says what needs a module, as far as the database can be read.
func faultyModule(c *conn, digest store.Digest, fault error) (FaultyModule, error) {
	m := FaultyModule{Digest: digest, Fault: fault}
	err := errors.Join(
		c.texts(&m.Tags, `SELECT tag FROM tags WHERE digest = ? ORDER BY tag`, digest[:]),
		c.texts(&m.Waiting, `SELECT id FROM workloads WHERE module = ? AND state < 3 ORDER BY seq LIMIT ?`, digest[:], maxNamed),
	)
	if err == nil {
		_, err = c.one(`SELECT count(*) FROM workloads WHERE module = ? AND state < 3`, []any{digest[:]}, &m.Unfinished)
	}
	if damaged(err) {
		err = nil
	}
	return m, err
}

// texts appends the column that a query returns.
func (c *conn) texts(list *[]string, query string, args ...any) error {
	return c.each(query, args, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		*list = append(*list, text)
		return nil
	})
}
