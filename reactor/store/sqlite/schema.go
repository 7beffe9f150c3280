package sqlite

import (
	"fmt"

	"github.com/reactord/reactord/reactor/store"
)

// migrations are scripts: each brings a database from the version that is its index to the next one. The database's
// user_version says how many of them it has seen. A change of the tables appends one.
var migrations = []string{tables, moduleUses, logHeaders, moduleProvenance}

// applicationID marks the file as ours: "rctd".
const applicationID = 0x72637464

const tables = `
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workloads (
	seq       INTEGER PRIMARY KEY, -- in order of creation
	id        TEXT NOT NULL,
	tenant    TEXT NOT NULL,
	name      TEXT NOT NULL,
	labels    BLOB NOT NULL,
	module    BLOB NOT NULL,
	created   INTEGER NOT NULL,
	fixed_sum INTEGER NOT NULL, -- of the columns above and the spec
	state     INTEGER NOT NULL,
	attempts  INTEGER NOT NULL,
	updated   INTEGER NOT NULL,
	revision  INTEGER NOT NULL,
	status    BLOB NOT NULL,
	state_sum INTEGER NOT NULL  -- of seq and the columns from state on
) STRICT;
CREATE UNIQUE INDEX workloads_id ON workloads (id);
CREATE INDEX workloads_module ON workloads (module, seq);
CREATE INDEX workloads_state ON workloads (state, seq);
CREATE INDEX workloads_unfinished ON workloads (revision) WHERE state < 3;
CREATE INDEX workloads_finished ON workloads (revision) WHERE state >= 3;

CREATE TABLE specs (
	seq  INTEGER PRIMARY KEY,
	hash BLOB NOT NULL,
	spec BLOB NOT NULL
) STRICT;

CREATE TABLE labels (
	key   TEXT NOT NULL,
	value TEXT NOT NULL,
	seq   INTEGER NOT NULL,
	PRIMARY KEY (key, value, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE counts (
	module BLOB NOT NULL,
	state  INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	PRIMARY KEY (module, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
	key     INTEGER PRIMARY KEY, -- the workload's seq and the row's number
	start   INTEGER NOT NULL,    -- offset of the first byte
	size    INTEGER NOT NULL,    -- bytes of data in the entries
	entries BLOB NOT NULL,
	sum     INTEGER NOT NULL
) STRICT;

CREATE TABLE modules (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- in order of creation
	digest  BLOB NOT NULL UNIQUE,
	size    INTEGER NOT NULL,
	created INTEGER NOT NULL,
	info    BLOB NOT NULL,
	sum     INTEGER NOT NULL
) STRICT;

CREATE TABLE tags (
	tag    TEXT PRIMARY KEY,
	digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_digest ON tags (digest);
`

// moduleUses adds names and times of use. They are apart from the descriptions of modules, which can be large, so that
// noting a use writes little. What was there before counts as used when it is migrated.
const moduleUses = `
CREATE TABLE uses (
	digest BLOB PRIMARY KEY,
	name   TEXT NOT NULL,    -- of the last push that had one
	used   INTEGER NOT NULL  -- last submission or push, to store.UseStep
) STRICT, WITHOUT ROWID;
CREATE INDEX uses_used ON uses (used, digest);
INSERT INTO uses (digest, name, used) SELECT digest, '', unixepoch() * 1000000000 FROM modules;
`

// logHeaders: the rows of logs have headers, and gaps between them. Older rows are read as they are, but an older program
// can't read the newer ones.
const logHeaders = ""

// moduleProvenance adds where modules are from, and who signed them. Of those that were there before it is not known.
const moduleProvenance = `
ALTER TABLE uses ADD COLUMN artifact TEXT NOT NULL DEFAULT '';
ALTER TABLE uses ADD COLUMN signer TEXT NOT NULL DEFAULT '';
`

// Keys of the meta table.
const (
	metaSequence = "sequence" // the highest seq of a pruned workload
	metaFloor    = "floor"    // the highest revision of a pruned workload
	metaProbe    = "probe"    // how often it was tried whether writing works again
)

// migrate brings the database to the schema of this program. It refuses a newer one, and a database of another
// program.
func migrate(c *conn, dir string) error {
	var version, application, tables int
	for pragma, dest := range map[string]*int{
		"PRAGMA user_version":                &version,
		"PRAGMA application_id":              &application,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if _, err := c.one(pragma, nil, dest); err != nil {
			return fmt.Errorf("reading the schema version: %w", err)
		}
	}
	switch {
	case tables > 0 && application != applicationID:
		return fmt.Errorf("%s holds a database of another program", dir)
	case version > len(migrations):
		return &store.SchemaError{Dir: dir, Found: version, Supported: len(migrations)}
	}
	for ; version < len(migrations); version++ {
		script := fmt.Sprintf("BEGIN IMMEDIATE;%sPRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
			migrations[version], applicationID, version+1)
		if _, err := c.exec(script); err != nil {
			return fmt.Errorf("making the tables of version %d: %w", version+1, err)
		}
	}
	return nil
}
