package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Look lets do read a database that Latchkey has migrated before, without
// making or migrating anything. there says whether it is one; where it is not,
// do is not run. Errors are those of Open, and what do returns.
func Look(ctx context.Context, where string, do func(tx *sql.Tx) error) (there bool, err error) {
	db, reading, err := lookAt(where)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, explained(err)
	}
	defer db.Close()
	err = within(ctx, db, reading, func(tx *sql.Tx) error {
		if there, err = migratedBefore(ctx, tx, OnServer(where)); err != nil || !there {
			return err
		}
		return do(tx)
	})
	return there, explained(err)
}

func lookAt(where string) (*sql.DB, *sql.TxOptions, error) {
	if OnServer(where) {
		config, err := postgresConfig(where)
		if err != nil {
			return nil, nil, err
		}
		patient(config)
		return pool(*config, 1), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, nil
	}
	if err := known(where); err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(where)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%w: %s is no file", ErrWhere, where)
	}
	db, err := connect(where, looking)
	return db, &sql.TxOptions{ReadOnly: true}, err
}

func migratedBefore(ctx context.Context, tx *sql.Tx, onServer bool) (bool, error) {
	query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('goose_db_version', 'org')`
	if onServer {
		query = `SELECT count(to_regclass(name)) FROM (VALUES ('goose_db_version'), ('org')) AS wanted (name)`
	}
	var n int
	if err := tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the tables: %w", err)
	}
	return n == 2, nil
}
