package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DB is the open database.
type DB struct {
	write, read *sql.DB
	// first is run at the beginning of each transaction that may write.
	first string
	// there says when what was opened is not at its place any more.
	there func() error
	// levels of Update and View.
	writing, reading *sql.TxOptions
	name             string
	newest           int64
}

// Open opens the database at where and migrates it forward: a PostgreSQL
// database by a URL that begins with postgres:// or postgresql://, or else an
// SQLite file by its path, which is made when it is missing. Errors: ErrWhere,
// ErrNewer, ErrBusy, ErrFull, ErrGone, ErrReadOnly, ErrDamaged, or one that says
// what failed; none holds the password of a URL.
func Open(ctx context.Context, where string) (*DB, error) {
	if err := known(where); err != nil {
		return nil, err
	}
	open := openSQLite
	if OnServer(where) {
		open = openPostgres
	}
	d, err := open(ctx, where)
	return d, explained(err)
}

// known: it is a path or one of our URLs, and not that of another database.
func known(where string) error {
	scheme, _, isURL := strings.Cut(where, "://")
	if where == "" || isURL && !OnServer(where) && !strings.ContainsAny(scheme, "/.") {
		// What stands behind the scheme may hold a password.
		return fmt.Errorf("%w: %q, want a path, or a URL that begins with postgres://", ErrWhere, scheme)
	}
	return nil
}

// OnServer reports whether where names a PostgreSQL database, and not a file.
func OnServer(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// Name is what the database is called in logs and errors, without a password.
func (d *DB) Name() string { return d.name }

// Stats are of the connections that write, and of those that only read.
func (d *DB) Stats() (write, read sql.DBStats) { return d.write.Stats(), d.read.Stats() }

// Close ends the connections after the transactions that run.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Update runs do in a transaction that may write and commits when it returns
// nil. Of all servers on the database one is in Update at a time, so that what
// do reads stays as it is until it has written; do runs once. When ctx ends,
// nothing of it stays. What do returns is returned as it is, joined with
// ErrBusy, ErrFull, ErrGone, ErrReadOnly or ErrDamaged where the database says so.
func (d *DB) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	if err := d.there(); err != nil {
		return err
	}
	return explained(within(ctx, d.write, d.writing, func(tx *sql.Tx) error {
		if d.first != "" {
			if _, err := tx.ExecContext(ctx, d.first); err != nil {
				return fmt.Errorf("wait for those who write: %w", err)
			}
		}
		return do(tx)
	}))
}

// View runs do in a transaction that cannot write, and sees one state of the
// database from its beginning to its end. Errors are those of Update.
func (d *DB) View(ctx context.Context, do func(tx *sql.Tx) error) error {
	return explained(within(ctx, d.read, d.reading, do))
}

func within(ctx context.Context, db *sql.DB, o *sql.TxOptions, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := do(tx); err != nil {
		return givenUp(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return givenUp(ctx, fmt.Errorf("commit: %w", err))
	}
	return nil
}

// givenUp says so where a transaction was ended under the hands of who uses it.
func givenUp(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// checkTime bounds Check.
const checkTime = 3 * time.Second

// Check reports whether the database answers, is at its place, and has no
// migration that this server does not know. Errors are those of Open.
func (d *DB) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := d.there(); err != nil {
		return err
	}
	return d.View(ctx, func(tx *sql.Tx) error {
		have, err := version(ctx, tx)
		if err != nil {
			return err
		}
		return newer(have, d.newest)
	})
}

func version(ctx context.Context, tx *sql.Tx) (have int64, err error) {
	if err = tx.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&have); err != nil {
		return 0, fmt.Errorf("read the database's version: %w", err)
	}
	return have, nil
}

// Scanner is a row, or the rows at one.
type Scanner interface{ Scan(into ...any) error }

// All runs a query and reads each row with scan. No row is an empty slice.
func All[T any](ctx context.Context, tx *sql.Tx, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
