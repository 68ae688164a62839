package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

func (p *program) backupCommand() *cobra.Command {
	return p.local(&cobra.Command{Use: "backup FILE", Short: "Write the SQLite database into a new file, beside a server that runs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := p.where()
			if err != nil {
				return err
			}
			if err := store.Backup(cmd.Context(), where, args[0]); err != nil {
				return p.backupHint(fmt.Errorf("back the database up: %w", err), where)
			}
			fmt.Fprintf(p.out, "backup: %s (read back, and whole)\nThe master key %s is not in it, and the backup opens nothing without: keep a copy of the key elsewhere.\n", args[0], p.keyPath())
			return nil
		}})
}

// backupHint says what to do instead.
func (p *program) backupHint(err error, where string) error {
	var said *hinted
	switch {
	case errors.As(err, &said):
		return err
	case errors.Is(err, store.ErrOnServer):
		return usage(err, "pg_dump -Fc -f FILE URL, and pg_restore -O -d URL FILE into an empty database; the master key apart from it")
	case errors.Is(err, fs.ErrExist):
		return failed(err, "nothing is replaced: give a name that is free, or move what is there away")
	case errors.Is(err, fs.ErrNotExist):
		return failed(err, "check the path; the database is "+where)
	}
	return err
}

func (p *program) restoreCommand() *cobra.Command {
	var check bool
	cmd := p.local(&cobra.Command{Use: "restore FILE", Short: "Check a backup and put it into a data folder without a database", Args: cobra.ExactArgs(1)})
	cmd.Flags().BoolVar(&check, "check", false, "only read the backup, and tell whether this server and the master key can open it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		where, err := p.where()
		if err != nil {
			return err
		}
		if store.OnServer(where) {
			return p.backupHint(fmt.Errorf("restore: %w", store.ErrOnServer), where)
		}
		if err := p.usable(cmd.Context(), args[0]); err != nil {
			return p.backupHint(fmt.Errorf("the backup %s: %w", args[0], err), where)
		}
		if check {
			fmt.Fprintf(p.out, "%s is whole, and the master key %s opens it\n", args[0], p.keyPath())
			return nil
		}
		return p.restore(cmd.Context(), args[0], where)
	}
	return cmd
}

func (p *program) restore(ctx context.Context, file, where string) error {
	if err := os.MkdirAll(filepath.Dir(where), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := store.Restore(ctx, file, where); err != nil {
		return p.backupHint(fmt.Errorf("restore to %s: %w", where, err), where)
	}
	fmt.Fprintf(p.out, "restored: %s\nNow start the server. Each Mac registers again at its next check-in what it changed after the backup.\n", where)
	return nil
}

// usable: the backup is whole, of a version that this server knows, and the
// master key is its own.
func (p *program) usable(ctx context.Context, file string) error {
	if err := store.Whole(ctx, file); err != nil {
		return err
	}
	v, err := vault.Open(p.keyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return failed(err, "a backup opens nothing without its master key: put that there first, or name it with --master-key")
	}
	if err != nil {
		return err
	}
	_, err = store.Look(ctx, file, func(tx *sql.Tx) error {
		kept, err := directory.Recall(ctx, tx, keyCheck)
		if err == nil && kept != v.Check() {
			return errOtherKey()
		}
		return err
	})
	return err
}
