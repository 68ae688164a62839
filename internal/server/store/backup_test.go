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
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// A backup is one state of a database that is written to all the time, and what
// is restored from it goes on from there.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "latchkey.db"), filepath.Join(dir, "backup")
	db := open(t, path)
	pair := func(tx *sql.Tx) error {
		if err := exec(`INSERT INTO org (name, value) SELECT 'a' || count(*), '' FROM org`)(tx); err != nil {
			return err
		}
		return exec(`INSERT INTO org (name, value) SELECT 'b' || count(*), '' FROM org`)(tx)
	}
	if err := db.Update(t.Context(), pair); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := db.Update(ctx, pair); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	err := store.Backup(t.Context(), path, file)
	stop()
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the backup has mode %v %v", info.Mode(), err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("%v is left", names)
	}
	before, _ := os.ReadFile(file)
	restored := filepath.Join(dir, "restored.db")
	if err := store.Restore(t.Context(), file, restored); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		t.Error("the backup was changed by reading it")
	}
	again := open(t, restored)
	var n int
	if err := again.Update(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM org`).Scan(&n) }); err != nil || n == 0 || n%2 != 0 {
		t.Errorf("%d rows are in the backup, want whole pairs: %v", n, err)
	}
}

// Nothing is replaced, and of what fails nothing is left.
func TestBackupsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	path, good := filepath.Join(dir, "latchkey.db"), filepath.Join(dir, "good")
	db := open(t, path)
	if err := db.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ('a', $1)`, strings.Repeat("x", 50_000))); err != nil {
		t.Fatal(err)
	}
	if err := store.Backup(t.Context(), path, good); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(good)
	made := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	damaged := bytes.Clone(whole)
	for i := len(damaged) / 2; i < len(damaged)/2+5000; i++ {
		damaged[i] ^= 0xff
	}
	newer := filepath.Join(dir, "newer.db")
	n := open(t, newer)
	if err := n.Update(t.Context(), exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)`)); err != nil {
		t.Fatal(err)
	}
	n.Close()
	free := filepath.Join(dir, "free")
	ctx := t.Context()
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"over a file":               {store.Backup(ctx, path, made("there", []byte("x"))), fs.ErrExist},
		"over itself":               {store.Backup(ctx, path, path), fs.ErrExist},
		"of nothing":                {store.Backup(ctx, filepath.Join(dir, "none"), free), fs.ErrNotExist},
		"into no folder":            {store.Backup(ctx, path, filepath.Join(dir, "none", "x")), fs.ErrNotExist},
		"of PostgreSQL":             {store.Backup(ctx, "postgres://me@h/x", free), store.ErrOnServer},
		"restored over a database":  {store.Restore(ctx, good, path), fs.ErrExist},
		"restored beside a log":     {store.Restore(ctx, good, strings.TrimSuffix(made("old.db-wal", []byte("x")), "-wal")), fs.ErrExist},
		"restored cut off":          {store.Restore(ctx, made("cut", whole[:len(whole)/2]), free), store.ErrDamaged},
		"restored damaged":          {store.Restore(ctx, made("damaged", damaged), free), store.ErrDamaged},
		"restored from a text":      {store.Restore(ctx, made("text", bytes.Repeat([]byte("text"), 2000)), free), store.ErrDamaged},
		"restored from nothing":     {store.Restore(ctx, made("empty", nil), free), store.ErrWhere},
		"restored from a newer one": {store.Restore(ctx, newer, free), store.ErrNewer},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	if _, err := os.Lstat(free); err == nil {
		t.Error("a file was made")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("%v is left", names)
	}
	if raw, _ := os.ReadFile(filepath.Join(dir, "there")); string(raw) != "x" {
		t.Error("a file was replaced")
	}
}
