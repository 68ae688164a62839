package systemlog_test

import (
	"database/sql"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// A Mac may be called anything: no name keeps an event out of the log.
func TestNamesThatNoDatabaseLikes(t *testing.T) {
	for _, name := range []string{"a\x00\x00b", "\x00", `c:\u0000`, "\\\x00", "\\\\\x00\\", "\xff\x00"} {
		db, log := storetest.Open(t), systemlog.New([]byte("key"), epoch)
		e := systemlog.Event{Type: systemlog.DeviceEnrol, Actor: systemlog.Actor{ID: "dev1", Type: "Device", AlternateID: name}, Request: name,
			Client: systemlog.Client{IPAddress: name}, Targets: []systemlog.Target{{ID: "dev1", Type: "Device", AlternateID: name, DisplayName: name}}}
		if err := db.Update(t.Context(), func(tx *sql.Tx) error { return log.Append(t.Context(), tx, e) }); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
