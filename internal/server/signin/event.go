package signin

import (
	"context"
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// actor is an administrator as the one who did something.
func actor(a Admin) systemlog.Actor {
	return systemlog.Actor{ID: a.ID, Type: "User", AlternateID: a.Login, DisplayName: a.Name}
}

// nobody is who typed a login that there is not. The login itself is not told:
// people type passwords where it belongs.
func nobody() systemlog.Actor {
	return systemlog.Actor{ID: "unknown", Type: "User", AlternateID: "unknown", DisplayName: "unknown"}
}

// tell writes events about an administrator.
func (s *Service) tell(ctx context.Context, tx *sql.Tx, by By, a Admin, events ...systemlog.Event) error {
	for _, e := range events {
		e.Actor, e.Client = by.Actor, short(by.Client)
		if a.ID != "" {
			e.Targets = append(e.Targets, systemlog.Target{ID: a.ID, Type: "Admin", AlternateID: a.Login, DisplayName: a.Name})
		}
		if err := s.log.Append(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}
