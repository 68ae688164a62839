package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Bounds of one server's connections, described in docs/operations.md.
const (
	postgresWriters = 2 // one writes, the other has its turn awaited already
	postgresReaders = 8
	connectTimeout  = 10 * time.Second
	connectionLife  = 30 * time.Minute
	connectionIdle  = 5 * time.Minute
	statements      = 256 // that are kept prepared on a connection
	oldestPostgres  = 140000
)

// writers is the advisory lock of those who write, in this database: the
// letters "latchkey". Migrations take it too.
const writers = 0x6c617463686b6579

// settings of each connection, unless the URL has them. A server that hangs or
// was cut off must not keep the others from writing.
func settings() map[string]string {
	return map[string]string{
		"application_name":                    "latchkey-server",
		"timezone":                            "UTC",
		"lock_timeout":                        "5s", // as of SQLite
		"statement_timeout":                   "30s",
		"idle_in_transaction_session_timeout": "30s",
		"tcp_keepalives_idle":                 "15",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	}
}

func openPostgres(ctx context.Context, where string) (*DB, error) {
	config, err := postgresConfig(where)
	if err != nil {
		return nil, err
	}
	d := &DB{name: fmt.Sprintf("PostgreSQL database %q on %s", config.Database, config.Host), there: func() error { return nil },
		first:   fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(writers)),
		writing: &sql.TxOptions{Isolation: sql.LevelReadCommitted}, reading: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}}
	if d.newest, err = migratePostgres(ctx, config.Copy()); err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	d.write, d.read = pool(*config, postgresWriters), pool(*config, postgresReaders)
	return d, nil
}

// postgresConfig reads the URL. Its errors say nothing of it: where a URL is
// broken, nobody can tell which part is the password.
func postgresConfig(where string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(where)
	if err == nil && !verified(where) && !local(config) {
		join := "?"
		if strings.Contains(where, "?") {
			join = "&"
		}
		// The driver's own default goes on without TLS when somebody on the way
		// says that there is none.
		config, err = pgx.ParseConfig(where + join + "sslmode=verify-full")
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		return nil, fmt.Errorf("%w: a file that the URL names: %w", ErrWhere, file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the driver cannot read the URL", ErrWhere)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, value := range settings() {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	dial := net.Dialer{Timeout: config.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.DialFunc = dial.DialContext
	config.StatementCacheCapacity = statements
	return config, nil
}

// HoldsPassword reports whether a URL names a password, and so must not stand
// where others can read it. When in doubt it does.
func HoldsPassword(where string) bool {
	_, rest, isURL := strings.Cut(where, "://")
	if !isURL {
		return false
	}
	// An unescaped "/" or "?" may be part of the password.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && strings.Contains(rest[:i], ":") {
		return true
	}
	decoded, err := url.QueryUnescape(rest)
	return err != nil || strings.Contains(strings.ToLower(decoded), "password=")
}

// verified: the URL or the environment says itself how the server is known.
func verified(where string) bool {
	return strings.Contains(where, "sslmode=") || os.Getenv("PGSSLMODE") != ""
}

// local: all hosts are on this machine.
func local(c *pgx.ConnConfig) bool {
	own := func(host string) bool {
		ip := net.ParseIP(host)
		return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || ip != nil && ip.IsLoopback()
	}
	for _, f := range c.Fallbacks {
		if !own(f.Host) {
			return false
		}
	}
	return own(c.Host)
}

func pool(config pgx.ConnConfig, most int) *sql.DB {
	db := sql.OpenDB(connector{stdlib.GetConnector(config, stdlib.OptionAfterConnect(prepare))})
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxLifetime(connectionLife)
	db.SetConnMaxIdleTime(connectionIdle)
	return db
}

// prepare makes a new connection safe.
func prepare(ctx context.Context, c *pgx.Conn) error {
	// What was answered must be there after a power cut, whatever the default of
	// this database is; stricter values stay.
	_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// connector and plainConn let a connection take texts that PostgreSQL cannot
// hold: a zero byte or what is not UTF-8, which nothing that is well-behaved
// sends, becomes U+FFFD. An error would keep a Mac with such a name from checking in.
type connector struct{ driver.Connector }

type plainConn struct{ *stdlib.Conn }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := made.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver made a %T", made), made.Close())
	}
	return plainConn{inner}, nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (plainConn) CheckNamedValue(v *driver.NamedValue) (err error) {
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	if s, is := v.Value.(string); is {
		v.Value = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
	}
	return err
}

// patient lets a start wait: a migration of a large database takes its time.
func patient(config *pgx.ConnConfig) {
	config.RuntimeParams["statement_timeout"], config.RuntimeParams["lock_timeout"] = "0", "5min"
}

// migratePostgres migrates while nobody else does, or writes.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) (newest int64, err error) {
	patient(config)
	db := pool(*config, 2)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to a pool that is closed
	if err := suits(ctx, conn); err != nil {
		return 0, err
	}
	// It ends with its connection, which ends with db.
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(writers)); err != nil {
		return 0, fmt.Errorf("wait for another server, which migrates or writes: %w", err)
	}
	return migrate(ctx, db, goose.DialectPostgres)
}

// suits: the database can hold what Latchkey writes.
func suits(ctx context.Context, conn *sql.Conn) error {
	var version int
	var encoding string
	err := conn.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding')`).Scan(&version, &encoding)
	if err != nil {
		return fmt.Errorf("ask the server for its version: %w", err)
	}
	if version < oldestPostgres {
		return fmt.Errorf("%w: the server is PostgreSQL %d, want %d or newer", ErrWhere, version/10000, oldestPostgres/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w: its encoding is %s, want UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", ErrWhere, encoding)
	}
	return nil
}
