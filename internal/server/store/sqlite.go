package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
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
	d := &DB{name: path, reading: &sql.TxOptions{ReadOnly: true}, there: func() error { return inPlace(path, opened) }}
	if d.write, err = connect(path, writing); err != nil {
		return nil, err
	}
	// One writer: SQLite has room for one, and a queue in this process is
	// fairer than the busy handler's polling.
	d.write.SetMaxOpenConns(1)
	if d.newest, err = migrate(ctx, d.write, goose.DialectSQLite3); err != nil {
		return nil, errors.Join(err, d.write.Close())
	}
	if d.read, err = connect(path, reading); err != nil {
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

// purpose is what a connection is for.
type purpose struct {
	lock    string // how its transactions begin
	pragmas []string
}

// What connections are for. FULL: a PIN that was handed out and a secret that
// was confirmed must still be there after a power cut.
//
// With very many Macs each check-in changes pages of its own. What was written
// goes back into the database after 64 MB, and not after 4: a page that changed
// several times meanwhile goes back once. It cost a quarter of a check-in.
var (
	writing = purpose{"immediate", []string{"journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)", "secure_delete(1)",
		"cache_size(-65536)", "wal_autocheckpoint(16000)"}}
	reading = purpose{"deferred", []string{"journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)", "query_only(1)"}}
	// looking leaves every byte of the file as it is.
	looking = purpose{"deferred", []string{"query_only(1)"}}
	// copying reads it and writes another.
	copying = purpose{"deferred", []string{"synchronous(FULL)"}}
)

// connect puts the pragmas into the DSN: db.Exec would reach one pooled connection.
func connect(path string, p purpose) (*sql.DB, error) {
	q := url.Values{"_txlock": {p.lock}, "_pragma": append([]string{"busy_timeout(5000)"}, p.pragmas...)}
	return sql.OpenDB(prepared{driver: &sqlite.Driver{}, dsn: "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()}), nil
}
