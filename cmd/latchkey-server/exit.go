package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

// hinted is an error with its exit code and what to do next.
type hinted struct {
	error
	code int
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func usage(err error, hint string) error { return &hinted{err, exitUsage, hint} }

func failed(err error, hint string) error { return &hinted{err, exitFailed, hint} }

func refused(err error, hint string) error { return &hinted{err, exitRefused, hint} }

// report prints err with its hint and returns the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitDone
	}
	code, hint := exitFailed, hintFor(err)
	var h *hinted
	switch {
	case errors.As(err, &h):
		code, hint = h.code, h.hint
	case strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "accepts "), strings.HasPrefix(err.Error(), "required flag"):
		code, hint = exitUsage, "latchkey-server --help lists the commands and flags"
	}
	fmt.Fprintf(p.streams.err, "error: %v\nhint: %s\n", err, hint)
	return code
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, vault.ErrExposed):
		return "make the key file readable by its owner only: chmod 600 FILE"
	case errors.Is(err, store.ErrNewer):
		return "run the newer latchkey-server, or restore the backup made before the upgrade"
	case errors.Is(err, store.ErrWhere):
		return "an SQLite file by its path, or postgres://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full with %XX for a special character; docs/operations.md, PostgreSQL"
	case errors.Is(err, store.ErrBusy):
		return "another process has held it for seconds: a backup program, or a session that was left open; nothing was changed, try again when it is over"
	case errors.Is(err, store.ErrFull):
		return "make room where the database is; nothing of this was written"
	case errors.Is(err, store.ErrReadOnly):
		return "it may be a standby, a read-only disk, or owned by another user; name the one that takes changes"
	case errors.Is(err, store.ErrDamaged):
		return "stop the server, keep the file as it is, and bring the last backup back: latchkey-server restore FILE"
	case errors.Is(err, store.ErrDenied):
		return "check user and password in the URL; the user must own the database: ALTER DATABASE NAME OWNER TO USER"
	case errors.Is(err, store.ErrGone):
		return "is PostgreSQL running and reachable, or the file's disk mounted? docs/operations.md, When the database has trouble"
	case errors.Is(err, vault.ErrSealed):
		return "the master key is not the one of this database; give the right one with --master-key"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path; latchkey-server init makes a new data folder"
	case errors.Is(err, fs.ErrPermission):
		return "run as the user that owns the data folder"
	}
	return "latchkey-server serve --log-level debug tells more; docs/operations.md explains each flag"
}
