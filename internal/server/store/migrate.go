package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"

	"github.com/pressly/goose/v3"
)

// migrations are the steps of the schema, for both databases. Where PostgreSQL
// needs other words, the file of the same name in the folder postgres stands for
// the one of SQLite.
//
//go:embed migrations/*.sql migrations/postgres/*.sql
var migrations embed.FS

// migrate brings the database to the newest version that this server knows, and
// returns that. It never goes back.
func migrate(ctx context.Context, db *sql.DB, d goose.Dialect) (newest int64, err error) {
	p, err := provider(db, d)
	if err != nil {
		return 0, err
	}
	have, newest, err := p.GetVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's version: %w", err)
	}
	if err := newer(have, newest); err != nil {
		return 0, err
	}
	if _, err := p.Up(ctx); err != nil {
		var at *goose.PartialError
		if errors.As(err, &at) {
			return 0, fmt.Errorf("the database stays at version %d, as migration %d failed: %w", at.Failed.Source.Version-1, at.Failed.Source.Version, at.Err)
		}
		return 0, fmt.Errorf("migrate the database from version %d to %d: %w", have, newest, err)
	}
	return newest, nil
}

// newer: going on could misread, and then destroy, what a newer server wrote.
func newer(have, newest int64) error {
	if have > newest {
		return fmt.Errorf("%w: it has migration %d, this one knows up to %d", ErrNewer, have, newest)
	}
	return nil
}

func provider(db *sql.DB, d goose.Dialect) (p *goose.Provider, err error) {
	if d == goose.DialectPostgres {
		steps, err := postgresSteps()
		if err != nil {
			return nil, err
		}
		p, err = goose.NewProvider(d, db, nil, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(steps...))
		if err != nil {
			return nil, fmt.Errorf("read the migrations: %w", err)
		}
		return p, nil
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if p, err = goose.NewProvider(d, db, files, goose.WithDisableGlobalRegistry(true)); err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

// postgresSteps are the migrations in PostgreSQL's words.
func postgresSteps() ([]*goose.Migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for _, name := range names {
		version, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return nil, fmt.Errorf("read the migrations: %w", err)
		}
		text, err := migrations.ReadFile(path.Join("migrations/postgres", path.Base(name)))
		if errors.Is(err, fs.ErrNotExist) {
			text, err = migrations.ReadFile(name)
		}
		if err != nil {
			return nil, fmt.Errorf("read the migrations: %w", err)
		}
		script := bytewise(string(text))
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			// Without arguments all statements of the file go in one message.
			_, err := tx.ExecContext(ctx, script)
			return err
		}}, nil))
	}
	return steps, nil
}

var textColumn = regexp.MustCompile(`\bTEXT\b`)

// bytewise has PostgreSQL compare and order text by its bytes, as SQLite does,
// whatever the language that the database was made with: pages go on by
// comparing, prefixes are found by ranges, and an upgrade of the system's
// locales must not make an index wrong.
func bytewise(script string) string {
	return textColumn.ReplaceAllLiteralString(script, `TEXT COLLATE "C"`)
}
