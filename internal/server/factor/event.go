package factor

import (
	"context"
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// By is who changes something, and from where, for the event.
type By struct {
	Actor   systemlog.Actor
	Client  systemlog.Client
	Request string
	// Phone is the phone that answers a push; with nil it is the server's
	// machine, which answers for everybody.
	Phone *Phone
}

// Reasons of a failure, for the events alone.
const (
	reasonWrong    = "INVALID_CREDENTIALS"
	reasonNobody   = "UNKNOWN_USER"
	reasonInactive = "ACCOUNT_NOT_ACTIVE"
	reasonForeign  = "FOREIGN_CODE" // shown by another client, or by another Mac
	reasonRefused  = "PUSH_REFUSED"
	reasonNumber   = "WRONG_NUMBER"
	reasonNotMe    = "NOT_ME"
	reasonPhone    = "FOREIGN_PHONE" // of another user than the push
)

// userActor is the user as the one who does something. The name that was typed
// for nobody is not told: people type passwords where it belongs.
func userActor(u directory.User) systemlog.Actor {
	if u.ID == "" {
		return systemlog.Actor{ID: "unknown", Type: "User", AlternateID: "unknown", DisplayName: "unknown"}
	}
	return systemlog.Actor{ID: u.ID, Type: "User", AlternateID: u.Login, DisplayName: u.Name()}
}

func userTarget(u directory.User) systemlog.Target {
	return systemlog.Target{ID: u.ID, Type: "User", AlternateID: u.Login, DisplayName: u.Name()}
}

func deviceTarget(d directory.Device) systemlog.Target {
	return systemlog.Target{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}
}

// tell writes an event about what a Mac asked for a user.
func (b *Book) tell(ctx context.Context, tx *sql.Tx, u directory.User, a Asker, e systemlog.Event) error {
	e.Actor, e.Client = userActor(u), a.From
	e.Targets = append(e.Targets, deviceTarget(a.Device), systemlog.Target{ID: a.ClientID, Type: "Client"})
	return b.Log.Append(ctx, tx, e)
}

// tellChange writes an event about what somebody did to a user's factors.
func (b *Book) tellChange(ctx context.Context, tx *sql.Tx, u directory.User, by By, e systemlog.Event) error {
	e.Actor, e.Client, e.Request = by.Actor, by.Client, by.Request
	e.Targets = append(e.Targets, userTarget(u))
	return b.Log.Append(ctx, tx, e)
}

// passed is the event of a factor that was right.
func passed(kind string) systemlog.Event {
	return systemlog.Event{Type: systemlog.AuthViaMFA, Message: "Authentication of a user", Detail: map[string]string{"factor": kind}}
}

// failed is the event of one that was not.
func failed(kind, reason string) systemlog.Event {
	return systemlog.Event{Type: systemlog.AuthViaMFA, Message: "Authentication of a user refused", Severity: systemlog.Warn,
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reason}, Detail: map[string]string{"factor": kind}}
}

// why is the reason of a refusal, as far as the user is one.
func why(u directory.User, active bool) string {
	switch {
	case u.ID == "":
		return reasonNobody
	case !active:
		return reasonInactive
	}
	return reasonWrong
}
