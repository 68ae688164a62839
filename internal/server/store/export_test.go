package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// What tests look at of the inside.
var (
	PostgresConfig = postgresConfig
	Explained      = explained
)

// PostgresURLConfig is what a URL comes to.
type PostgresURLConfig = pgx.ConnConfig

// UpTo migrates up to a version only.
func UpTo(ctx context.Context, where string, to int64) (db *sql.DB, err error) {
	dialect := goose.DialectSQLite3
	if OnServer(where) {
		config, err := postgresConfig(where)
		if err != nil {
			return nil, err
		}
		dialect, db = goose.DialectPostgres, pool(*config, 2)
	} else if db, err = connect(where, writing); err != nil {
		return nil, err
	}
	p, err := provider(db, dialect)
	if err == nil {
		_, err = p.UpTo(ctx, to)
	}
	return db, err
}
