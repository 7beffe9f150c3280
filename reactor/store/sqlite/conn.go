package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/reactord/reactord/reactor/store"
)

// conn is a connection with its prepared statements. It is used by one goroutine at a time.
//
// Statements run without a context, since the driver starts a goroutine for each one that has a context. Every
// statement here is short; callers check their context between statements.
type conn struct {
	db     *sql.DB
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	effort effort
}

// connect opens the database file. Each pragma is a name and a value; they are applied in order.
func connect(ctx context.Context, path string, pragmas [][2]string) (*conn, error) {
	query := make([]string, 0, len(pragmas)+1)
	for _, p := range pragmas {
		query = append(query, "_pragma="+url.QueryEscape(p[0]+"("+p[1]+")"))
	}
	query = append(query, "_error_rc=1")
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(query, "&")}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.Close())
	}
	return &conn{db: db, conn: c, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *conn) close() error {
	var faults []error
	for _, stmt := range c.stmts {
		faults = append(faults, stmt.Close())
	}
	return errors.Join(append(faults, c.conn.Close(), c.db.Close())...)
}

func (c *conn) prepare(text string) (*sql.Stmt, error) {
	c.effort.now++
	if stmt, ok := c.stmts[text]; ok {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	c.stmts[text] = stmt
	return stmt, nil
}

// exec runs a statement and returns the number of rows it changed.
func (c *conn) exec(text string, args ...any) (int64, error) {
	stmt, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one scans the first row of a query into dest, and reports whether there is one.
func (c *conn) one(text string, args []any, dest ...any) (bool, error) {
	stmt, err := c.prepare(text)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(context.Background(), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls scan for every row of a query. scan must not use the connection.
func (c *conn) each(text string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := c.prepare(text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// int64s returns the first column of a query.
func (c *conn) int64s(text string, args ...any) ([]int64, error) {
	var values []int64
	err := c.each(text, args, func(rows *sql.Rows) error {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return err
		}
		values = append(values, v)
		return nil
	})
	return values, err
}

// snapshot calls read in a transaction, so that it sees one state of the database.
func (c *conn) snapshot(read func() error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := read()
	_, end := c.exec("ROLLBACK")
	return errors.Join(err, end)
}

// code returns SQLite's primary result code of an error, 0 if it has none.
func code(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// translate converts an error of SQLite or the file system to the store's error.
func translate(err error) error {
	if err == nil || errors.Is(err, store.ErrFull) {
		return err
	}
	if code(err) == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	if temporary(err) && !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// damaged reports whether SQLite found the database file damaged.
func damaged(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// temporary reports whether what failed with err may succeed later, unchanged.
func temporary(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN:
		return true
	}
	return false
}
