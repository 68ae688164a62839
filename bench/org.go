package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// checkingIn is how many Macs of an org check in while it is measured: 20,000,
// or as many as there may be open files, of which each connection is one on
// either side.
func checkingIn() int {
	const most, others = 20_000, 200
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 500
	}
	return int(min(most, files.Cur-others))
}

// org is a server with its database, filled with Macs.
type org struct {
	name      string
	dir       string
	where     string
	postgres  int // the database's process; 0 for SQLite
	vault     *vault.Vault
	authority *authority
	macs      []*measured
	server    *orgServer
}

// settings of a PostgreSQL as one would run it for this: what it answers is on
// the disk.
func postgresSettings() []string {
	return []string{"shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "random_page_cost=1.1"}
}

// newOrg makes an org of that many Macs, and starts its server.
func newOrg(ctx context.Context, program, name, where string, postgres, macs int) (*org, error) {
	dir, err := os.MkdirTemp("", "lkorg")
	if err != nil {
		return nil, err
	}
	o := &org{name: name, dir: dir, where: where, postgres: postgres}
	if where == "" {
		o.where = filepath.Join(dir, "latchkey.db")
	}
	if err := o.prepare(ctx, program, macs); err != nil {
		return nil, errors.Join(fmt.Errorf("make an org of %d Macs in %s: %w", macs, name, err), os.RemoveAll(dir))
	}
	o.server, err = startServer(ctx, program, dir, o.where)
	return o, err
}

func (o *org) prepare(ctx context.Context, program string, macs int) (err error) {
	if out, err := exec.CommandContext(ctx, program, "init", "--data", o.dir, "--database", o.where).CombinedOutput(); err != nil {
		return fmt.Errorf("latchkey-server init: %w: %s", err, out)
	}
	if o.vault, err = vault.Open(filepath.Join(o.dir, "master.key")); err != nil {
		return err
	}
	now := time.Now()
	if err := fill(ctx, o.where, macs, now.UnixMicro()); err != nil {
		return err
	}
	db, err := store.Open(ctx, o.where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if o.authority, err = newAuthority(now); err != nil {
		return err
	}
	if o.macs, err = o.authority.enrol(ctx, db, o.vault, macs, min(macs, checkingIn()), now); err != nil {
		return err
	}
	return settle(ctx, o.where)
}

// hangUp closes the Macs' connections.
func (o *org) hangUp() {
	for _, m := range o.macs {
		if m.conn != nil {
			_ = m.conn.Close()
		}
	}
}

func (o *org) close() error {
	o.hangUp()
	return errors.Join(o.server.stop(), os.RemoveAll(o.dir))
}
