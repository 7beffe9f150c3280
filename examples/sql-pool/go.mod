module github.com/reactord/reactord/examples/sql-pool

go 1.26.0

require (
	github.com/jackc/pgx/v5 v5.12.0
	github.com/jeroenrinzema/psql-wire v0.20.0
	github.com/lib/pq v1.12.3
	github.com/stealthrocket/net v0.2.1
)
