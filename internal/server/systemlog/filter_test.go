package systemlog_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Every attribute finds the event that it stands in, and not the other one.
func TestFilter(t *testing.T) {
	db, at := storetest.Open(t), epoch()
	log := systemlog.New([]byte("key"), at.UTC)
	wanted := systemlog.Event{Type: "device.lifecycle.suspend", Severity: systemlog.Warn, Message: "one", Outcome: systemlog.Outcome{Result: systemlog.Denied}, Request: "req1",
		Actor: systemlog.Actor{ID: "tok1", Type: "User", AlternateID: "amy@example.com"}, Client: systemlog.Client{IPAddress: "192.0.2.7"},
		Targets: []systemlog.Target{{ID: "dev1", Type: "Device", AlternateID: "C02A", DisplayName: "Amy's \"Mac\""}, {ID: "osa1", Type: "OSAccount", AlternateID: "amy", DisplayName: "Amy"}}}
	other := systemlog.Event{Type: "user.session.start", Message: "other", Actor: systemlog.System()}
	var id string
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		for _, e := range []systemlog.Event{wanted, other} {
			if err := log.Append(t.Context(), tx, e); err != nil {
				return err
			}
		}
		return tx.QueryRow(`SELECT id FROM events WHERE seq = 1`).Scan(&id)
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for expression, want := range map[string]int{
		`uuid eq "` + id + `"`: 1, `published ge "2026-11-24T09:00:00Z"`: 2, `published gt "2026-11-24T09:00:00Z"`: 0,
		`eventType eq "Device.Lifecycle.Suspend"`: 1, `eventType sw "device."`: 1, `severity eq "warn"`: 1, `severity ne "WARN"`: 1, `outcome.result eq "DENY"`: 1,
		`actor.id eq "tok1"`: 1, `actor.alternateId eq "amy@example.com"`: 1, `actor.alternateId co "example"`: 1, `client.ipAddress sw "192.0.2."`: 1, `client.ipAddress pr`: 1,
		`transaction.id eq "req1"`: 1, `target.id eq "osa1"`: 1, `target.id eq "dev1" and target.type eq "OSAccount"`: 1, `target.type eq "Device"`: 1, `target.id pr`: 1,
		`target.id ne "dev1"`: 1, `target.alternateId eq "C02A"`: 1, `target.displayName eq "Amy's \"Mac\""`: 1, `not (target.id pr) or severity eq "WARN"`: 2,
	} {
		tree, err := scim.Parse(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		asked[tree.Attribute] = true
		var found []systemlog.Event
		err = db.View(t.Context(), func(tx *sql.Tx) (err error) {
			found, err = log.Find(t.Context(), tx, systemlog.Query{Limit: 10, Since: at.AddDate(0, 0, -1), Filter: &tree})
			return err
		})
		if err != nil || len(found) != want || want == 1 && found[0].Message != "one" && tree.Operator != scim.NotEqual {
			t.Errorf("%s: %d found, want %d: %v", expression, len(found), want, err)
		}
	}
	for name := range systemlog.Attributes() {
		if !asked[name] {
			t.Errorf("nothing asks for %s", name)
		}
	}
}

// The places of targets go with the events that are purged.
func TestTargetsGoWithTheirEvents(t *testing.T) {
	db := storetest.Open(t)
	log := systemlog.New([]byte("key"), epoch)
	left := -1
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		for range 2 {
			if err := log.Append(t.Context(), tx, systemlog.Event{Type: "a", Targets: []systemlog.Target{{ID: "dev1"}}}); err != nil {
				return err
			}
		}
		if _, err := log.Purge(t.Context(), tx, epoch().Add(time.Minute)); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT count(*) FROM event_targets`).Scan(&left)
	})
	if err != nil || left != 1 {
		t.Errorf("%d left of two: %v", left, err)
	}
}
