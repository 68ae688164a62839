package main

import (
	"cmp"
	"context"
	"database/sql"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// scriptRole makes a custom role as the web console does: org-role NAME
// PERMISSION….
func scriptRole(ts *testscript.TestScript, _ bool, args []string) {
	var holds []access.Permission
	for _, p := range args[1:] {
		holds = append(holds, access.Permission(p))
	}
	scriptStore(ts, func(tx *sql.Tx) error {
		_, err := access.CreateRole(context.Background(), tx, args[0], holds, time.Unix(1, 0))
		return err
	})
}

// scriptGroup makes a group of one user, who is made too: org-group NAME LOGIN.
func scriptGroup(ts *testscript.TestScript, _ bool, args []string) {
	scriptStore(ts, func(tx *sql.Tx) error {
		g, err := directory.CreateGroup(context.Background(), tx, args[0], time.Unix(1, 0))
		if err != nil {
			return err
		}
		u, err := directory.CreateUser(context.Background(), tx, directory.User{Login: args[1]}, time.Unix(1, 0))
		if err != nil {
			return err
		}
		_, err = directory.AddMember(context.Background(), tx, g, u, time.Unix(1, 0))
		return err
	})
}

func scriptStore(ts *testscript.TestScript, do func(tx *sql.Tx) error) {
	db, err := store.Open(context.Background(), cmp.Or(ts.Getenv("LATCHKEY_DATABASE"), filepath.Join(ts.MkAbs("data"), "latchkey.db")))
	ts.Check(err)
	defer db.Close()
	ts.Check(db.Update(context.Background(), do))
}

// scriptNewer has a database be of a server that is not yet written.
func scriptNewer(ts *testscript.TestScript, _ bool, args []string) {
	db, err := store.Open(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	ts.Check(db.Update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)`)
		return err
	}))
}
