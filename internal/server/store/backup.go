package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

// ErrOnServer is what is done with a file only: PostgreSQL has tools of its own.
var ErrOnServer = errors.New("the database is on PostgreSQL, which has tools of its own for that")

// Backup writes one state of the SQLite database at path into a new file, mode
// 0600, while servers go on with it. The file appears whole or not at all, and
// was read back. Nothing is migrated. Errors: fs.ErrExist where there is a file
// already, ErrOnServer, and those of Open.
func Backup(ctx context.Context, path, file string) error {
	if OnServer(path) {
		return ErrOnServer
	}
	return appears(file, func(next string) error {
		if _, err := os.Stat(path); err != nil {
			return err
		}
		db, err := connect(path, copying)
		if err != nil {
			return err
		}
		defer db.Close()
		if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, next); err != nil {
			return explained(fmt.Errorf("write the backup: %w", err))
		}
		return Whole(ctx, next)
	})
}

// Restore puts a backup at path, where there must be nothing. Errors are those
// of Backup and Whole.
func Restore(ctx context.Context, file, path string) error {
	if OnServer(path) {
		return ErrOnServer
	}
	for _, rest := range []string{path + "-wal", path + "-shm"} {
		// SQLite would take them for the new file's.
		if _, err := os.Lstat(rest); err == nil {
			return fmt.Errorf("%s is left of another database: %w", rest, fs.ErrExist)
		}
	}
	return appears(path, func(next string) error {
		from, err := os.Open(file)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := os.OpenFile(next, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, from)
		if err = errors.Join(err, to.Close()); err != nil {
			return fmt.Errorf("copy the backup: %w", err)
		}
		return Whole(ctx, next)
	})
}

// Whole reads all of an SQLite file, and reports whether this server can go on
// with it. It changes nothing in it. Errors: ErrDamaged, ErrNewer, ErrWhere
// where it holds something else, or the system's.
func Whole(ctx context.Context, path string) error {
	there, err := Look(ctx, path, func(tx *sql.Tx) error {
		var said string
		if err := tx.QueryRowContext(ctx, `SELECT substr(group_concat(integrity_check, ', '), 1, 500) FROM pragma_integrity_check`).Scan(&said); err != nil {
			return err
		}
		var orphans int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&orphans); err != nil {
			return err
		}
		if said != "ok" || orphans != 0 {
			return fmt.Errorf("%w: %s, %d rows belong to none", ErrDamaged, said, orphans)
		}
		return knownVersion(ctx, tx)
	})
	if err == nil && !there {
		return fmt.Errorf("%w: %s holds no tables of Latchkey", ErrWhere, path)
	}
	return err
}

func knownVersion(ctx context.Context, tx *sql.Tx) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	newest, err := goose.NumericComponent(filepath.Base(names[len(names)-1]))
	if err != nil {
		return err
	}
	have, err := version(ctx, tx)
	if err != nil {
		return err
	}
	return newer(have, newest)
}

// appears has write fill an empty private file, and then gives it its name,
// which must be free. What is left of a failure is removed.
func appears(file string, write func(next string) error) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s: %w", file, fs.ErrExist)
	}
	// In the same folder, so that a link can give it its name.
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	next := f.Name()
	defer func() {
		for _, rest := range []string{"", "-wal", "-shm", "-journal"} {
			os.Remove(next + rest)
		}
	}()
	if err := errors.Join(f.Close(), write(next)); err != nil {
		return err
	}
	if err := synced(next); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces.
	if err := os.Link(next, file); err != nil {
		return err
	}
	return synced(filepath.Dir(file))
}

func synced(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
