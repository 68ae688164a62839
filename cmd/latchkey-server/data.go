package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// keyCheck is the name under which a database knows its master key.
const keyCheck = "master_key_check"

// data is the open data folder.
type data struct {
	db    *store.DB
	vault *vault.Vault
	log   *systemlog.Log
	now   func() time.Time
}

func (p *program) keyPath() string {
	if p.keyFile != "" {
		return p.keyFile
	}
	return filepath.Join(p.dataDir, "master.key")
}

// openData opens a database that init has made.
func (p *program) openData(ctx context.Context) (*data, error) {
	where, err := p.where()
	if err != nil {
		return nil, err
	}
	v, err := p.fits(ctx, where, func(there bool) (*vault.Vault, error) {
		if !there {
			return nil, p.nothingAt(where)
		}
		return vault.Open(p.keyPath())
	})
	if err != nil {
		return nil, err
	}
	return p.open(ctx, where, v)
}

// nothingAt is the error of a place without a database.
func (p *program) nothingAt(where string) error {
	if store.OnServer(where) {
		return failed(errors.New("the PostgreSQL database holds nothing of Latchkey"), "make it: latchkey-server init, with the same database; or restore a dump into it")
	}
	return failed(fmt.Errorf("no database in %s", filepath.Dir(where)), "make one: latchkey-server init --data "+p.dataDir+"; or bring a backup back: latchkey-server restore FILE")
}

// fits is the master key that open gives, once it is known to be the one of the
// database, if there is one. Nothing is migrated or changed for that.
func (p *program) fits(ctx context.Context, where string, open func(there bool) (*vault.Vault, error)) (*vault.Vault, error) {
	kept := ""
	there, err := store.Look(ctx, where, func(tx *sql.Tx) (err error) {
		if kept, err = directory.Recall(ctx, tx, keyCheck); errors.Is(err, directory.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	v, err := open(there)
	if err == nil && kept != "" && kept != v.Check() {
		return nil, errOtherKey()
	}
	return v, err
}

func errOtherKey() error {
	return fmt.Errorf("the database was made with another master key, nothing was changed: %w", vault.ErrSealed)
}

func (p *program) open(ctx context.Context, where string, v *vault.Vault) (*data, error) {
	now, err := p.now()
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, where)
	if err != nil {
		return nil, err
	}
	d := &data{db: db, vault: v, log: systemlog.New(v.Key(vault.ForLog), now), now: now}
	if err := db.Update(ctx, func(tx *sql.Tx) error { return own(ctx, tx, v) }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

// own makes sure that database and master key belong together: going on with
// another key would fork the log's chain and leave every secret unreadable.
func own(ctx context.Context, tx *sql.Tx, v *vault.Vault) error {
	kept, err := directory.Recall(ctx, tx, keyCheck)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Remember(ctx, tx, keyCheck, v.Check())
	}
	if err == nil && kept != v.Check() {
		return errOtherKey()
	}
	return err
}

func (p *program) initCommand() *cobra.Command {
	return p.local(&cobra.Command{
		Use: "init", Short: "Make the data folder: database, master key and device authority", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.initialise(cmd.Context()) },
	})
}

// initialise is safe to repeat: what is there is kept.
func (p *program) initialise(ctx context.Context) error {
	if err := os.MkdirAll(p.dataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	where, err := p.where()
	if err != nil {
		return err
	}
	v, err := p.fits(ctx, where, p.masterKey)
	if err != nil {
		return err
	}
	d, err := p.open(ctx, where, v)
	if err != nil {
		return err
	}
	defer d.db.Close()
	var ca *pki.Authority
	err = d.db.Update(ctx, func(tx *sql.Tx) (err error) {
		ca, err = pki.OpenDevice(ctx, tx, v, d.now())
		return err
	})
	if err != nil {
		return err
	}
	file := filepath.Join(p.dataDir, "device-ca.pem")
	if err := os.WriteFile(file, pki.PEM(ca.Certificate), 0o644); err != nil {
		return fmt.Errorf("write the device authority's certificate: %w", err)
	}
	fmt.Fprintf(p.out, "data folder: %s\nmaster key: %s (keep a copy apart from the database's backups)\ndevice authority: %s\nSHA-256 of its certificate: %s\n",
		p.dataDir, p.keyPath(), file, pki.Fingerprint(ca.Certificate))
	return nil
}

// masterKey is the one that is there, or a new one for a database that is not.
func (p *program) masterKey(there bool) (*vault.Vault, error) {
	path := p.keyPath()
	if vault.Exists(path) {
		return vault.Open(path)
	}
	if there {
		return nil, failed(fmt.Errorf("there is a database but no master key %s", path),
			"restore the master key; a new one could not open what the old one sealed")
	}
	return vault.Create(path)
}
