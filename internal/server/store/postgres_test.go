package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// Texts that PostgreSQL refuses come from who sends them on purpose: they are
// stored mended, and found by what they were.
func TestTextsThatPostgresCannotHold(t *testing.T) {
	type name string
	db := open(t, storetest.Postgres(t).Database(t))
	for i, sent := range []any{"a\x00b", "a\xffb", name("c\x00"), "zürich", ""} {
		key := fmt.Sprintf("%d", i)
		if err := db.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ($1, $2)`, key, sent)); err != nil {
			t.Errorf("%q: %v", sent, err)
		}
		var kept string
		err := db.View(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT value FROM org WHERE value = $1 AND name = $2`, sent, key).Scan(&kept)
		})
		want := []string{"a\uFFFDb", "a\uFFFDb", "c\uFFFD", "zürich", ""}[i]
		if err != nil || kept != want {
			t.Errorf("%q became %q %v", sent, kept, err)
		}
	}
}

// Names have one order and one equality on both, that of their bytes: a page
// goes on behind the last name of the one before, whatever the language.
func TestNamesHaveOneOrder(t *testing.T) {
	names := []string{"zebra", "Äpfel", "apfel", "Zebra", "a-b", "ab", "a b", "ß", "ss", "é", "e\u0301", "10", "9", "\U0010FFFD"}
	both(t, func(t *testing.T, where string) {
		db := open(t, where)
		err := db.Update(t.Context(), func(tx *sql.Tx) error {
			for _, n := range names {
				if err := exec(`INSERT INTO org (name, value) VALUES ($1, $1)`, n)(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_ = db.View(t.Context(), func(tx *sql.Tx) (err error) {
			got, err = store.All(t.Context(), tx, func(s store.Scanner) (n string, err error) { return n, s.Scan(&n) }, `SELECT name FROM org ORDER BY name`)
			return err
		})
		want := slices.Sorted(slices.Values(names))
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A view sees one state, though others write between its queries.
func TestAViewSeesOneState(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		db := open(t, where)
		var before, after int
		err := db.View(t.Context(), func(tx *sql.Tx) error {
			if err := tx.QueryRow(`SELECT count(*) FROM org`).Scan(&before); err != nil {
				return err
			}
			if err := db.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ('a', 'b')`)); err != nil {
				return err
			}
			return tx.QueryRow(`SELECT count(*) FROM org`).Scan(&after)
		})
		if err != nil || before != 0 || after != 0 {
			t.Errorf("%d, then %d rows %v", before, after, err)
		}
	})
}

// On the way to another machine the server is known by its certificate, unless
// the URL says otherwise; and every connection has its bounds.
func TestHowPostgresIsReached(t *testing.T) {
	for url, name := range map[string]string{
		"postgres://me@db.example.com/x":                     "db.example.com",
		"postgres://me@10.0.0.1,10.0.0.2:5433/x?user=me":     "10.0.0.1",
		"postgresql://me@db.example.com/x?sslmode=require":   "unverified",
		"postgres://me@db.example.com/x?sslmode=disable":     "",
		"postgres://me@/x?host=/run/postgresql":              "",
		"postgres://me@db.example.com/x?sslmode=verify-full": "db.example.com",
	} {
		c, err := store.PostgresConfig(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := ""
		if c.TLSConfig != nil {
			got = c.TLSConfig.ServerName
			if c.TLSConfig.InsecureSkipVerify {
				got = "unverified"
			}
		}
		if got != name {
			t.Errorf("%s: the server is known as %q, want %q", url, got, name)
		}
		for _, f := range c.Fallbacks {
			if name != "" && f.TLSConfig == nil {
				t.Errorf("%s: falls back to %s without TLS", url, f.Host)
			}
		}
		if c.ConnectTimeout == 0 || c.RuntimeParams["lock_timeout"] != "5s" || c.RuntimeParams["statement_timeout"] != "30s" || c.RuntimeParams["application_name"] != "latchkey-server" {
			t.Errorf("%s: %v %v", url, c.ConnectTimeout, c.RuntimeParams)
		}
	}
	c, err := store.PostgresConfig("postgres://me@h/x?sslmode=disable&lock_timeout=1s&connect_timeout=3")
	if err != nil || c.RuntimeParams["lock_timeout"] != "1s" || c.ConnectTimeout.Seconds() != 3 {
		t.Errorf("what the URL says is not taken: %v %v", c, err)
	}
}

// A database whose commits may be lost in a power cut gives durable ones to Latchkey.
func TestCommitsAreDurable(t *testing.T) {
	where := storetest.Postgres(t).Database(t)
	db := open(t, where)
	if err := db.Update(t.Context(), exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)); err != nil {
		t.Fatal(err)
	}
	again := open(t, where)
	var got string
	err := again.Update(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SHOW synchronous_commit`).Scan(&got) })
	if err != nil || got != "on" {
		t.Errorf("synchronous_commit is %q %v", got, err)
	}
}

func TestURLsWithAPassword(t *testing.T) {
	for url, want := range map[string]bool{
		"/var/lib/latchkey.db": false, "a:b@c": false, "postgres://me@h/x": false, "postgres:///x?host=/run": false, "postgres://me@h:5432/x": false,
		"postgres://me:pw@h/x": true, "postgres://me:p/w@h/x": true, "postgres://me@h/x?password=pw": true, "postgres://me@h/x?PassWord=pw": true,
		"postgres://me@h/x?pass%77ord=pw": true, "postgres://me@h/x?sslpassword=pw": true, "postgres://me@h/x?a=%zz": true,
	} {
		if got := store.HoldsPassword(url); got != want {
			t.Errorf("%s: %t", url, got)
		}
	}
	if strings.Contains(open(t, storetest.Where(t)).Name(), "latchkey@") {
		t.Error("the name says more than the place")
	}
}

// A server that hangs within a change is thrown out of it: the others go on, and
// of its change nothing stays.
func TestAServerThatHangsKeepsNobody(t *testing.T) {
	where := storetest.Postgres(t).Database(t)
	hung, other := open(t, with(where, "idle_in_transaction_session_timeout=200ms")), open(t, where)
	began, goOn, over := make(chan bool), make(chan bool), make(chan error)
	go func() {
		over <- hung.Update(context.Background(), func(tx *sql.Tx) error {
			err := exec(`INSERT INTO org (name, value) VALUES ('hung', '')`)(tx)
			began <- true
			<-goOn
			return err
		})
	}()
	<-began
	if err := other.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ('other', '')`)); err != nil {
		t.Errorf("the other one: %v", err)
	}
	goOn <- true
	if err := <-over; !errors.Is(err, store.ErrGone) {
		t.Errorf("the one that hung: %v", err)
	}
	var names string
	err := hung.Update(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT string_agg(name, ' ') FROM org`).Scan(&names) })
	if err != nil || names != "other" {
		t.Errorf("%q is kept %v", names, err)
	}
}

// PostgreSQL was restarted: what was under way fails and is told as that, and
// the server goes on by itself.
func TestConnectionsThatBreak(t *testing.T) {
	db := open(t, storetest.Postgres(t).Database(t))
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := db.Update(t.Context(), exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid = pg_backend_pid()`))
	if !errors.Is(err, store.ErrGone) {
		t.Errorf("what was under way: %v", err)
	}
	for name, use := range map[string]func() error{"reading": func() error { return db.Check(t.Context()) },
		"writing": func() error { return db.Update(t.Context(), exec(`DELETE FROM org`)) }} {
		failed := 0
		for err = use(); err != nil && failed < 10; err = use() {
			if failed++; !errors.Is(err, store.ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err != nil {
			t.Errorf("%s does not go on: %v", name, err)
		}
	}
}
