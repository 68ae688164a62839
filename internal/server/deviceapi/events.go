package deviceapi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// events appends what is new and answers the ids of all: an event that came
// before is accepted again, so that the Mac can forget it.
func (s *Server) events(ctx context.Context, tx *sql.Tx, d directory.Device, events []wire.Event) ([]string, error) {
	accepted := []string{}
	for _, e := range events {
		fresh, err := first(ctx, tx, d.ID, e.ID)
		if err != nil {
			return nil, err
		}
		if fresh {
			err = s.event(ctx, tx, d, e)
		}
		if err != nil {
			return nil, err
		}
		accepted = append(accepted, e.ID)
	}
	return accepted, nil
}

// first remembers the id and reports whether it is new for this Mac.
func first(ctx context.Context, tx *sql.Tx, deviceID, eventID string) (bool, error) {
	done, err := tx.ExecContext(ctx, `INSERT INTO device_events (device_id, event_id) VALUES ($1, $2) ON CONFLICT (device_id, event_id) DO NOTHING`, deviceID, eventID)
	if err != nil {
		return false, fmt.Errorf("remember event %q of device %s: %w", eventID, deviceID, err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

func (s *Server) event(ctx context.Context, tx *sql.Tx, d directory.Device, e wire.Event) error {
	targets := []systemlog.Target{target(d)}
	a, err := directory.AccountByGUID(ctx, tx, d.ID, e.GUID)
	known := err == nil
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	if known {
		targets = append(targets, accountTarget(a))
	}
	if err := s.Log.Append(ctx, tx, logged(d, e, targets)); err != nil {
		return err
	}
	if e.Type != systemlog.PINActivate || !known {
		return nil
	}
	at := s.Now()
	if e.Trusted {
		at = e.At
	}
	return s.Book.Activated(ctx, tx, d, a, recovery.ActivationFrom(e.Detail, at))
}

func logged(d directory.Device, e wire.Event, targets []systemlog.Target) systemlog.Event {
	detail := maps.Clone(e.Detail)
	if detail == nil {
		detail = map[string]string{}
	}
	detail["deviceEventId"], detail["deviceTime"] = e.ID, e.At.UTC().Format(time.RFC3339Nano)
	detail["deviceTimeTrusted"] = strconv.FormatBool(e.Trusted)
	kind, severity := e.Type, severityOf(e)
	if !mayReport(e.Type) {
		// Kept, so that nothing is lost and the Mac's queue moves on, but not
		// under a name that would pass for the server's own word.
		kind, severity, detail["deviceEventType"] = systemlog.DeviceEventUnknown, systemlog.Warn, e.Type
	}
	return systemlog.Event{Type: kind, Severity: severity, Message: "Reported by the device", Actor: recovery.DeviceActor(d), Targets: targets,
		Outcome: outcomeOf(e.Type), Detail: detail}
}

// mayReport reports whether a Mac's word is what that type stands for.
func mayReport(kind string) bool {
	switch kind {
	case systemlog.PINGenerate, systemlog.PINUnmatched, systemlog.PINVoid, systemlog.DeviceConfirm, systemlog.DeviceReject, systemlog.DeviceClaim,
		systemlog.DeviceEnrol, systemlog.SequenceBack, systemlog.TokenMismatch, systemlog.AccountPrelink, systemlog.ConfigurationUpdate,
		systemlog.LoginRightDisarm, systemlog.LoginRightDisarmEnd:
		return false
	}
	return strings.HasPrefix(kind, "device.desktop_mfa.")
}

func severityOf(e wire.Event) string {
	if e.Type == systemlog.LoginRightChanged && e.Detail["state"] != "armed" {
		return systemlog.Warn
	}
	for _, end := range []string{".reject", ".lock", ".deny", ".rollback", ".activate", ".kill_switch", ".unreadable", ".restored", ".bad", ".gone"} {
		if strings.HasSuffix(e.Type, end) {
			return systemlog.Warn
		}
	}
	return systemlog.Info
}

func outcomeOf(kind string) systemlog.Outcome {
	for _, end := range []string{".reject", ".lock", ".deny"} {
		if strings.HasSuffix(kind, end) {
			return systemlog.Outcome{Result: systemlog.Failure}
		}
	}
	return systemlog.Outcome{Result: systemlog.Success}
}
