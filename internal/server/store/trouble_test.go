package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// with adds parameters to the URL of a database.
func with(where, params string) string {
	if store.OnServer(where) {
		return where + "&" + params
	}
	return where
}

// Whoever holds the database for too long is named as the reason, and keeps
// nobody waiting for ever.
func TestADatabaseThatIsHeld(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		where = with(where, "lock_timeout=300ms")
		holder, other := open(t, where), open(t, where)
		held, letGo, over := make(chan bool), make(chan bool), make(chan error)
		go func() {
			over <- holder.Update(context.Background(), func(*sql.Tx) error { held <- true; <-letGo; return nil })
		}()
		<-held
		err := other.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`))
		if !errors.Is(err, store.ErrBusy) {
			t.Errorf("got %v", err)
		}
		if err := other.Check(t.Context()); err != nil {
			t.Errorf("reading does not go on: %v", err)
		}
		letGo <- true
		if err := <-over; err != nil {
			t.Error(err)
		}
		if err := other.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`)); err != nil {
			t.Errorf("it does not go on afterwards: %v", err)
		}
	})
}

// A request that is given up leaves nothing, and its turn goes to the next.
func TestAnUpdateThatIsGivenUp(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		db := open(t, where)
		ctx, giveUp := context.WithCancel(t.Context())
		err := db.Update(ctx, func(tx *sql.Tx) error {
			if err := exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`)(tx); err != nil {
				return err
			}
			giveUp()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		n := -1
		err = db.Update(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM org`).Scan(&n) })
		if err != nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

// A file that is taken away, or replaced by another, is not written to any more:
// nobody would find it again.
func TestAFileThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	db := open(t, path)
	insert := exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), insert); !errors.Is(err, store.ErrGone) || !strings.Contains(err.Error(), path) {
		t.Errorf("gone: %v", err)
	}
	if err := db.Check(t.Context()); !errors.Is(err, store.ErrGone) {
		t.Errorf("gone: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), insert); !errors.Is(err, store.ErrGone) {
		t.Errorf("replaced: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), insert); err != nil {
		t.Errorf("back: %v", err)
	}
}

// A full disk is told apart from other trouble, and leaves nothing half-written.
func TestADiskThatIsFull(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "latchkey.db"))
	pages := func(n string) { _ = db.Update(t.Context(), exec(`PRAGMA max_page_count = `+n)) }
	pages("1")
	big := strings.Repeat("x", 100_000)
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		if err := exec(`INSERT INTO org (name, value) VALUES ('small', '')`)(tx); err != nil {
			return err
		}
		return exec(`INSERT INTO org (name, value) VALUES ('big', $1)`, big)(tx)
	})
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("got %v", err)
	}
	pages("1000000")
	var n int
	_ = db.View(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM org`).Scan(&n) })
	if n != 0 {
		t.Errorf("%d rows stayed", n)
	}
}

// What PostgreSQL answers, by its codes.
func TestWhatPostgresMeans(t *testing.T) {
	for code, want := range map[string]error{"53100": store.ErrFull, "55P03": store.ErrBusy, "57014": store.ErrBusy, "25006": store.ErrReadOnly, "57P01": store.ErrGone, "08006": store.ErrGone,
		"53300": store.ErrGone, "28P01": store.ErrDenied, "42501": store.ErrDenied, "XX001": store.ErrDamaged} {
		if err := store.Explained(&pgconn.PgError{Code: code}); !errors.Is(err, want) {
			t.Errorf("%s is %v, want %v", code, err, want)
		}
	}
	plain := &pgconn.PgError{Code: "23505"}
	if err := store.Explained(plain); !errors.Is(err, plain) || errors.Is(err, store.ErrBusy) {
		t.Errorf("a duplicate is %v", err)
	}
}

func TestPlacesThatAreNoDatabase(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no database. "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	server := storetest.Postgres(t)
	latin := server.InEncoding(t, "SQL_ASCII")
	for name, c := range map[string]struct {
		where string
		want  error
		says  string
	}{
		"nothing":             {"", store.ErrWhere, "want a path"},
		"another database":    {"mysql://me:secret@h/x", store.ErrWhere, `"mysql"`},
		"a text":              {text, store.ErrDamaged, ""},
		"a folder":            {dir, nil, "directory"},
		"no folder":           {filepath.Join(dir, "none", "x.db"), fs.ErrNotExist, "none"},
		"no such database":    {strings.Replace(latin, "/t", "/none", 1), store.ErrGone, "does not exist"},
		"no server":           {"postgres://me:secret@127.0.0.1:1/x", store.ErrGone, "refused"},
		"no server, no TLS":   {"postgres://me:secret@127.0.0.1:1/x?sslmode=disable&connect_timeout=2", store.ErrGone, "refused"},
		"a port that is none": {"postgres://me:secret@h:port/x", store.ErrWhere, ""},
		"an odd password":     {"postgres://me:sec/secret#@h/x", nil, ""},
		"an unescaped one":    {"postgres://me:%zzsecret@h/x", store.ErrWhere, ""},
		"an unknown mode":     {"postgres://me:secret@h/x?sslmode=maybe", store.ErrWhere, ""},
		"no such certificate": {"postgres://me:secret@h/x?sslmode=verify-full&sslrootcert=/none.pem", store.ErrWhere, "/none.pem"},
		"another encoding":    {latin, store.ErrWhere, "SQL_ASCII, want UTF8"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			db, err := store.Open(ctx, c.where)
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
			if _, err := store.Look(ctx, c.where, func(*sql.Tx) error { return nil }); err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Look tells whether Latchkey was here, and makes nothing.
func TestLookMakesNothing(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		looked := func() (there, ran bool) {
			t.Helper()
			there, err := store.Look(t.Context(), where, func(*sql.Tx) error { ran = true; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return there, ran
		}
		if there, ran := looked(); there || ran {
			t.Error("found where there is nothing")
		}
		if _, err := os.Lstat(where); err == nil {
			t.Error("it made a file")
		}
		old, err := store.UpTo(t.Context(), where, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if there, ran := looked(); !there || !ran {
			t.Error("not found")
		}
		if _, err := store.Look(t.Context(), where, exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`)); err == nil {
			t.Error("a look wrote")
		}
		var version int
		if err := old.QueryRow(`SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil || version != 3 {
			t.Errorf("version %d %v", version, err)
		}
	})
}
