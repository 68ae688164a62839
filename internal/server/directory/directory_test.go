package directory_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func epoch() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

// within runs do in one transaction on a new database.
func within(t *testing.T, do func(tx *sql.Tx)) {
	t.Helper()
	if err := storetest.Open(t).Update(t.Context(), func(tx *sql.Tx) error { do(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestLifecycle(t *testing.T) {
	type step struct {
		do directory.Lifecycle
		to directory.Status // "" is refused
	}
	within(t, func(tx *sql.Tx) {
		d, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: "U", Serial: "S", Trust: directory.Bound}, epoch())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := directory.CreateUser(t.Context(), tx, directory.User{Login: "Amy@example.com"}, epoch()); err != nil {
			t.Fatal(err)
		}
		for _, s := range []step{{directory.Unsuspend, ""}, {directory.Activate, ""}, {directory.Suspend, directory.Suspended}, {directory.Suspend, ""},
			{directory.Activate, ""}, {directory.Unsuspend, directory.Active}, {directory.Deactivate, directory.Deactivated}, {directory.Suspend, ""},
			{directory.Unsuspend, ""}, {directory.Activate, directory.Active}, {directory.Suspend, directory.Suspended}, {directory.Deactivate, directory.Deactivated}, {"explode", ""}} {
			dev, err := directory.ChangeDevice(t.Context(), tx, d.ID, s.do, epoch())
			if (s.to == "") != errors.Is(err, directory.ErrState) || err == nil && dev.Status != s.to {
				t.Errorf("device, %s: %s %v, want %s", s.do, dev.Status, err, s.to)
			}
			u, err := directory.ChangeUser(t.Context(), tx, "AMY@example.com", s.do, epoch())
			if (s.to == "") != errors.Is(err, directory.ErrState) || err == nil && u.Status != s.to {
				t.Errorf("user, %s: %s %v, want %s", s.do, u.Status, err, s.to)
			}
		}
	})
}

func TestBelongs(t *testing.T) {
	for _, c := range []struct {
		name, linked, prelink, login string
		want                         bool
	}{
		{"amy", "", "", "amy@example.com", true},
		{"Amy", "", "", "AMY@example.com", true},
		{"amy", "", "", "amy", true},
		{"amy", "", "", "amy.b@example.com", false},
		{"amy", "", "", "", false},
		{"", "", "", "", false},
		{"amy", "bob@example.com", "", "bob@example.com", true},
		{"amy", "Bob@Example.com", "", "bob@example.com", true},
		{"amy", "bob@example.com", "", "amy@example.com", false}, // linked to somebody else
		{"amy", "", "bob@example.com", "bob@example.com", true},
		{"amy", "", "bob@example.com", "amy@example.com", false},
	} {
		a := directory.Account{Name: c.name, Linked: c.linked, Prelink: c.prelink}
		if got := a.Belongs(c.login); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestOwners(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		for _, login := range []string{"amy@example.com", "amy@other.example", "amyx@example.com", "a_y@example.com", "bob@example.com"} {
			if _, err := directory.CreateUser(t.Context(), tx, directory.User{Login: login}, epoch()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := directory.CreateUser(t.Context(), tx, directory.User{Login: "AMY@example.com"}, epoch()); !errors.Is(err, directory.ErrExists) {
			t.Errorf("a login in another case: %v", err)
		}
		for _, c := range []struct {
			a    directory.Account
			want int
		}{
			{directory.Account{Name: "amy"}, 2}, // either could link it
			{directory.Account{Name: "Amy"}, 2},
			{directory.Account{Name: "a_y"}, 1}, // the underscore is no pattern
			{directory.Account{Name: "%"}, 0},
			{directory.Account{Name: "amy", Linked: "Bob@example.com"}, 1},
			{directory.Account{Name: "amy", Prelink: "bob@example.com"}, 1},
			{directory.Account{Name: "amy", Linked: "nobody@example.com"}, 0},
		} {
			users, err := directory.Owners(t.Context(), tx, c.a)
			if err != nil || len(users) != c.want {
				t.Errorf("%+v: %d owners, %v, want %d", c.a, len(users), err, c.want)
			}
		}
	})
}

func TestOrdersAreNotRepeated(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		d, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: "U", Serial: "S"}, epoch())
		if err != nil {
			t.Fatal(err)
		}
		order := func(kind, guid string) {
			if err := directory.Order(t.Context(), tx, d.ID, kind, guid, epoch()); err != nil {
				t.Fatal(err)
			}
		}
		order(wire.CommandRotate, "A")
		order(wire.CommandRotate, "A")
		order(wire.CommandRotate, "B")
		order(wire.CommandEndWindow, "A")
		waiting, err := waitingOf(t.Context(), tx, d.ID)
		if err != nil || len(waiting) != 3 {
			t.Fatalf("%+v %v", waiting, err)
		}
		if err := directory.Acknowledge(t.Context(), tx, "another device", []string{waiting[0].ID}, epoch()); err != nil {
			t.Fatal(err)
		}
		if left, _ := waitingOf(t.Context(), tx, d.ID); len(left) != 3 {
			t.Fatalf("another device acknowledged: %+v", left)
		}
		if err := directory.Acknowledge(t.Context(), tx, d.ID, []string{waiting[0].ID}, epoch()); err != nil {
			t.Fatal(err)
		}
		order(waiting[0].Kind, waiting[0].GUID)
		if left, _ := waitingOf(t.Context(), tx, d.ID); len(left) != 3 {
			t.Fatalf("after an acknowledgement the same cannot be ordered again: %+v", left)
		}
	})
}

func TestSettingsBeginOn(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		s, err := directory.Settings(t.Context(), tx)
		if err != nil || s != (wire.Settings{Recovery: true, NumberMatching: true}) {
			t.Fatalf("%+v %v", s, err)
		}
		want := wire.Settings{EndWindowOnEnrol: true}
		if err := directory.SaveSettings(t.Context(), tx, want); err != nil {
			t.Fatal(err)
		}
		if s, err = directory.Settings(t.Context(), tx); err != nil || s != want {
			t.Fatalf("%+v %v", s, err)
		}
	})
}

// waitingOf are the commands of one Mac.
func waitingOf(ctx context.Context, tx *sql.Tx, device string) ([]wire.Command, error) {
	found, err := directory.Waiting(ctx, tx, []string{device})
	return found[device], err
}

// Counting ends where the answer is known.
func TestMoreThan(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		for n := range 3 {
			for _, than := range []int{0, 1, 2} {
				if more, err := directory.MoreThan(t.Context(), tx, than); err != nil || more != (n > than) {
					t.Errorf("%d Macs are more than %d: %v %v", n, than, more, err)
				}
			}
			if _, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: fmt.Sprint(n), Serial: fmt.Sprint(n), Trust: directory.Bound}, epoch()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
