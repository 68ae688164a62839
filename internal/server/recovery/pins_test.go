package recovery_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestVoid(t *testing.T) {
	d := newDesk(t)
	out, err := d.issue()
	if err != nil {
		t.Fatal(err)
	}
	void := func(role access.Role, id string) error {
		return d.DB.Update(t.Context(), func(tx *sql.Tx) error {
			return d.Book.Void(d.As(role, "sam@example.com"), tx, d.device, d.account, id, systemlog.Client{})
		})
	}
	if err := void(access.ReadOnlyAdmin, out.ID); err == nil {
		t.Fatal("a read-only admin voided a PIN")
	}
	if err := void(access.HelpDeskAdmin, "pin-of-nobody"); !errors.Is(err, directory.ErrNotFound) {
		t.Fatal(err)
	}
	for range 2 {
		if err := void(access.HelpDeskAdmin, out.ID); err != nil {
			t.Fatal(err)
		}
	}
	d.Update(func(tx *sql.Tx) error {
		found, err := directory.Waiting(t.Context(), tx, []string{d.device.ID})
		waiting := found[d.device.ID]
		if len(waiting) != 1 || waiting[0].Kind != wire.CommandEndWindow || waiting[0].GUID != d.account.GUID {
			t.Errorf("commands %+v", waiting)
		}
		pins, _ := d.Book.List(t.Context(), tx, d.account.ID)
		if len(pins) != 1 || pins[0].VoidedAt.IsZero() || pins[0].VoidedBy != "sam@example.com" {
			t.Errorf("PINs %+v", pins)
		}
		return err
	})
	if n := len(d.Events(systemlog.PINVoid)); n != 1 {
		t.Fatalf("%d events", n)
	}
}

// No PIN may be found anywhere in the database or the log after it was issued,
// in any spelling.
func TestPINIsNotKept(t *testing.T) {
	d := newDesk(t)
	out, err := d.issue()
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", out, out, out.IssuedPIN); strings.Contains(shown, out.PIN) {
		t.Errorf("printed: %s", shown)
	}
	d.Update(func(tx *sql.Tx) error {
		for _, table := range []string{"recovery_pins", "recovery_secrets", "events", "os_accounts", "devices", "commands", "org"} {
			rows, err := tx.Query(`SELECT * FROM ` + table)
			if err != nil {
				return err
			}
			columns, _ := rows.Columns()
			for rows.Next() {
				values := make([]any, len(columns))
				for i := range values {
					values[i] = new(any)
				}
				if err := rows.Scan(values...); err != nil {
					return err
				}
				for i, v := range values {
					text := fmt.Sprint(*v.(*any))
					if strings.Contains(text, out.PIN) || strings.Contains(text, out.PIN[:8]) {
						t.Errorf("%s.%s holds the PIN", table, columns[i])
					}
				}
			}
			rows.Close()
		}
		return nil
	})
}
