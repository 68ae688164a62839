package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

func openSQLite(ctx context.Context, path string) (*DB, error) {
	// Made here so that it is never readable by others, whatever the umask.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	opened, err := f.Stat()
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	d := &DB{name: path, file: true, reading: &sql.TxOptions{ReadOnly: true}, there: func() error { return inPlace(path, opened) }}
	if d.write, err = connect(path, "immediate", false); err != nil {
		return nil, err
	}
	// One writer: SQLite has room for one, and a queue in this process is
	// fairer than the busy handler's polling.
	d.write.SetMaxOpenConns(1)
	if d.newest, err = migrate(ctx, d.write, goose.DialectSQLite3); err != nil {
		return nil, errors.Join(err, d.write.Close())
	}
	if d.read, err = connect(path, "deferred", true); err != nil {
		return nil, errors.Join(err, d.write.Close())
	}
	d.read.SetMaxOpenConns(4)
	return d, nil
}

// inPlace: SQLite goes on with a file that was removed or replaced, and all
// that is written into it is lost with the process.
func inPlace(path string, opened os.FileInfo) error {
	now, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	if !os.SameFile(now, opened) {
		return fmt.Errorf("%w: another file is at %s", ErrGone, path)
	}
	return nil
}

// connect puts the pragmas into the DSN: db.Exec would reach one pooled connection.
func connect(path, lock string, readOnly bool) (*sql.DB, error) {
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
