package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer is a database that a newer server has migrated.
var ErrNewer = errors.New("the database was written by a newer latchkey-server")

// DB is the open database.
type DB struct{ write, read *sql.DB }

// Open opens the database at path, makes it when it is missing, and migrates
// it forward. Errors: ErrNewer, or one that says what failed.
func Open(ctx context.Context, path string) (*DB, error) {
	// Made here so that it is never readable by others, whatever the umask.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	_ = f.Close()
	d := &DB{}
	if d.write, err = open(path, "immediate", false); err != nil {
		return nil, err
	}
	// One writer: SQLite has room for one, and a queue in this process is
	// fairer than the busy handler's polling.
	d.write.SetMaxOpenConns(1)
	if err := migrate(ctx, d.write); err != nil {
		return nil, errors.Join(err, d.write.Close())
	}
	if d.read, err = open(path, "deferred", true); err != nil {
		return nil, errors.Join(err, d.write.Close())
	}
	d.read.SetMaxOpenConns(4)
	return d, nil
}

// open puts the pragmas into the DSN: db.Exec would reach one pooled connection.
func open(path, lock string, readOnly bool) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(1)",
		// FULL: a PIN that was handed out and a secret that was confirmed must
		// still be there after a power cut.
		"synchronous(FULL)", "secure_delete(1)",
	}}
	if readOnly {
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the database's version: %w", err)
	}
	if have > want {
		// Going on could misread, and then destroy, what the newer one wrote.
		return fmt.Errorf("%w: it has version %d, this one knows up to %d", ErrNewer, have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Close ends the connections after the transactions that run.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Update runs do in a transaction that may write and commits when it returns
// nil. What do returns is returned as it is.
func (d *DB) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	return within(ctx, d.write, nil, do)
}

// View runs do in a transaction that cannot write.
func (d *DB) View(ctx context.Context, do func(tx *sql.Tx) error) error {
	return within(ctx, d.read, &sql.TxOptions{ReadOnly: true}, do)
}

func within(ctx context.Context, db *sql.DB, o *sql.TxOptions, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
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

// Micros is how a time stands in the database: microseconds since the Unix
// epoch, UTC. The zero time is NULL.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

// NewID is an id with 85 random bits behind a prefix that says what it names.
func NewID(prefix string) string { return prefix + strings.ToLower(rand.Text())[:17] }

// Fold is how a name is compared without regard to case.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Contains is a LIKE pattern, with ESCAPE '\', for folded texts that hold q.
func Contains(q string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(Fold(q)) + "%"
}
