package desk

import (
	"context"
	"database/sql"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Desk is what an administrator can do. The administrator is the one in the
// context's guard (access.With), without whom all is denied. All fields but
// MinAgent are needed.
//
// Besides those that a method names, each has the errors *access.DeniedError,
// where nothing was done, and the database's.
type Desk struct {
	DB         Database
	Log        *systemlog.Log
	Book       *recovery.Book
	Challenges *pki.Challenges
	Factors    *factor.Book
	Accounts   *signin.Service // of administrators
	Now        func() time.Time
	// MinAgent is the oldest version of the Macs' daemon that is welcome; with
	// "" any is.
	MinAgent string
}

// Origin is where a request came from, as its events say it.
type Origin struct {
	Client    systemlog.Client
	RequestID string
	// ProvenAt is when the person last showed a second factor; zero for a program.
	ProvenAt time.Time
}

type originKey struct{}

// From puts the origin of a request into ctx.
func From(ctx context.Context, o Origin) context.Context {
	return context.WithValue(systemlog.ForRequest(ctx, o.RequestID), originKey{}, o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// view runs do in a transaction that reads, after asking for p.
func (k *Desk) view(ctx context.Context, p access.Permission, do func(tx *sql.Tx) error) error {
	if err := access.Require(ctx, p); err != nil {
		return err
	}
	return k.DB.View(ctx, do)
}

// update runs do in a transaction that writes, after asking for p.
func (k *Desk) update(ctx context.Context, p access.Permission, do func(tx *sql.Tx) error) error {
	if err := access.Require(ctx, p); err != nil {
		return err
	}
	return k.DB.Update(ctx, do)
}

// event appends what the caller did.
func (k *Desk) event(ctx context.Context, tx *sql.Tx, e systemlog.Event) error {
	from := originOf(ctx)
	e.Actor, e.Client, e.Request = recovery.AdminActor(access.CallerOf(ctx)), from.Client, from.RequestID
	return k.Log.Append(ctx, tx, e)
}
