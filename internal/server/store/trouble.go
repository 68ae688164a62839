package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// What keeps a database from being opened or used. What to do about each is in
// docs/operations.md, "When the database has trouble".
var (
	// ErrWhere is a place that names no database.
	ErrWhere = errors.New("this names no database")
	// ErrNewer is a database that a newer server has migrated.
	ErrNewer = errors.New("the database was written by a newer latchkey-server")
	// ErrBusy is a database that somebody else has held for too long.
	ErrBusy = errors.New("the database is locked by another process")
	// ErrFull is a database with no room left to write.
	ErrFull = errors.New("the disk of the database is full")
	// ErrGone is a database that is not where it was, or does not answer.
	ErrGone = errors.New("the database cannot be reached")
	// ErrReadOnly is a database that takes no changes.
	ErrReadOnly = errors.New("the database takes no changes")
	// ErrDamaged is a file that is no database any more.
	ErrDamaged = errors.New("the database is damaged")
	// ErrDenied is a database that refuses who asks.
	ErrDenied = errors.New("the database refuses this user")
)

// troubles are what explained finds out.
func troubles() []error {
	return []error{ErrWhere, ErrNewer, ErrBusy, ErrFull, ErrGone, ErrReadOnly, ErrDamaged, ErrDenied}
}

// InTrouble reports whether err is one of the database, whoever asks it for what.
func InTrouble(err error) bool {
	return slices.ContainsFunc(troubles(), func(said error) bool { return errors.Is(err, said) })
}

// explained is err with what the database means by it in front.
func explained(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if InTrouble(err) {
		return err
	}
	var lite *sqlite.Error
	var pg *pgconn.PgError
	var what error
	switch {
	case errors.As(err, &lite):
		what = ofSQLite(lite.Code())
	case errors.As(err, &pg):
		what = ofPostgres(pg.Code)
	case unreachable(err):
		what = ErrGone
	}
	if what == nil {
		return err
	}
	return fmt.Errorf("%w: %w", what, err)
}

// ofSQLite reads a result code, https://www.sqlite.org/rescode.html.
func ofSQLite(code int) error {
	switch code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return ErrBusy
	case codes.SQLITE_FULL:
		return ErrFull
	case codes.SQLITE_READONLY:
		return ErrReadOnly
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return ErrDamaged
	case codes.SQLITE_CANTOPEN, codes.SQLITE_IOERR:
		return ErrGone
	}
	return nil
}

// ofPostgres reads a SQLSTATE, "PostgreSQL Error Codes" in its manual.
func ofPostgres(code string) error {
	switch {
	case code == "55P03", code == "57014", code == "40P01": // lock_not_available, query_canceled, deadlock_detected
		return ErrBusy
	case code == "53100", code == "53200": // disk_full, out_of_memory
		return ErrFull
	case code == "25006": // read_only_sql_transaction
		return ErrReadOnly
	case code == "3D000", strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), code == "53300", code == "25P03":
		// No such database; the connection; a shutdown; too many connections; ended for being idle.
		return ErrGone
	case strings.HasPrefix(code, "28"), code == "42501": // authorization, insufficient_privilege
		return ErrDenied
	case strings.HasPrefix(code, "XX"): // data_corrupted, index_corrupted, internal_error
		return ErrDamaged
	}
	return nil
}

// unreachable: no connection was made, or it broke.
func unreachable(err error) bool {
	var dial *pgconn.ConnectError
	var at *net.OpError
	return errors.As(err, &dial) || errors.As(err, &at) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, driver.ErrBadConn)
}
