package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// maxPrepared is how many statements a connection keeps prepared, and
// longestPrepared how long one of them may be: what migrates is run once.
const (
	maxPrepared     = 256
	longestPrepared = 4096
)

// prepared is a connector whose connections keep statements prepared, as the one
// for PostgreSQL does by itself. SQLite would otherwise parse and plan each time,
// with the triggers and generated columns of its tables, which takes several
// times as long as to run it.
type prepared struct {
	driver driver.Driver
	dsn    string
}

// inner is what the driver's connections can do, and this package relies on.
type inner interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.QueryerContext
	driver.ExecerContext
	driver.SessionResetter
	driver.Validator
	driver.Pinger
}

// Driver implements driver.Connector.
func (p prepared) Driver() driver.Driver { return p.driver }

// Connect implements driver.Connector.
func (p prepared) Connect(context.Context) (driver.Conn, error) {
	made, err := p.driver.Open(p.dsn)
	if err != nil {
		return nil, err
	}
	c, ok := made.(inner)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver made a %T", made), made.Close())
	}
	return &preparedConn{inner: c, kept: map[string]*keptStmt{}}, nil
}

// preparedConn is used by one goroutine at a time, as all connections are.
type preparedConn struct {
	inner
	kept map[string]*keptStmt
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStmt struct {
	statement
	busy bool // its rows are being read
}

// keep is the statement for a query; nil where it is not to be kept, or is busy.
func (c *preparedConn) keep(ctx context.Context, query string) (*keptStmt, error) {
	if len(query) > longestPrepared {
		return nil, nil
	}
	if k := c.kept[query]; k != nil {
		if k.busy {
			return nil, nil
		}
		return k, nil
	}
	if len(c.kept) >= maxPrepared {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver made a %T", made), made.Close())
	}
	k := &keptStmt{statement: s}
	c.kept[query] = k
	return k, nil
}

// forget closes all that nobody reads from.
func (c *preparedConn) forget() (err error) {
	for query, k := range c.kept {
		if !k.busy {
			err = errors.Join(err, k.Close())
			delete(c.kept, query)
		}
	}
	return err
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error { return errors.Join(c.forget(), c.inner.Close()) }

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	k, err := c.keep(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.inner.ExecContext(ctx, query, args)
	}
	return k.ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	k, err := c.keep(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.inner.QueryContext(ctx, query, args)
	}
	rows, err := k.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	k.busy = true
	return &keptRows{Rows: rows, of: k}, nil
}

// keptRows give their statement back.
type keptRows struct {
	driver.Rows
	of *keptStmt
}

// Next implements driver.Rows.
func (r *keptRows) Next(into []driver.Value) error {
	if r.of == nil {
		return io.EOF
	}
	return r.Rows.Next(into)
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	if r.of == nil {
		return nil
	}
	err := r.Rows.Close()
	r.of.busy, r.of = false, nil
	return err
}
