package deviceapi_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}

const guid = "4AC29C85-D847-4492-96CB-46E337170C33"

// request is a good check-in of a Mac with one account.
func request(serial string, seq uint64) wire.CheckIn {
	return wire.CheckIn{V: 1, Seq: seq, Boot: "boot-1", Wall: time.Now(), Clock: "anchored",
		Device:   wire.Device{UDID: "udid-" + serial, Serial: serial, Name: "Amy's MacBook", Model: "Mac15,3", OS: "15.1", Agent: "0.1.0", Zone: "Europe/Zurich"},
		Armed:    wire.Armed{State: "armed", Reason: "ok"},
		Policy:   wire.PolicyState{State: "good", SHA256: "ab", Effective: json.RawMessage(`{"DeviceRecoveryPINDuration":{"value":45,"origin":"forced"}}`)},
		Accounts: []wire.Account{{GUID: guid, UID: 501, Name: "amy", FullName: "Amy Example", Governed: true, Factors: []wire.Factor{}}}}
}

func upload(t *testing.T, generation uint64) (recoverypin.Secret, wire.SecretUpload) {
	t.Helper()
	k, err := recoverypin.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k, wire.SecretUpload{GUID: guid, Generation: generation, Key: k[:]}
}

func event(id, kind string, at time.Time, detail map[string]string) wire.Event {
	return wire.Event{ID: id, Type: kind, At: at, Trusted: true, GUID: guid, Detail: detail}
}

// device is the Mac with that serial number as the server knows it.
func device(o *servertest.Org, serial string) (d directory.Device) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) (err error) {
		found, err := directory.DevicesBySerial(o.T.Context(), tx, serial)
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("%d Macs with the serial number %s", len(found), serial)
		}
		if err == nil {
			d = found[0]
		}
		return err
	})
	return d
}

func account(o *servertest.Org, d directory.Device) (a directory.Account) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) (err error) {
		a, err = directory.AccountByGUID(o.T.Context(), tx, d.ID, guid)
		return err
	})
	return a
}

func TestCheckIn(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	in.Seq = 7
	k, up := upload(t, 1)
	in.Secrets = []wire.SecretUpload{up}
	in.Events = []wire.Event{event("e1", "device.desktop_mfa.login.allow", o.Now(), map[string]string{"reason": "grace"})}
	governed := o.Now().Add(-time.Hour)
	in.Accounts[0].FirstGovernedAt = &governed
	status, out, refusal := o.CheckIn(&id, in)
	if status != 200 {
		t.Fatalf("%d %+v", status, refusal)
	}
	d := device(o, "C02A")
	want := wire.CheckInAnswer{Now: o.Now(), DeviceID: d.ID, Token: out.Token, NextIn: 900, Events: []string{"e1"},
		Secrets:  []wire.SecretResult{{GUID: guid, Generation: 1, Result: wire.SecretConfirmed}},
		Accounts: []wire.AccountAnswer{{GUID: guid, FirstGovernedAt: &governed}}, Settings: wire.Settings{Recovery: true, NumberMatching: true}, Commands: []wire.Command{}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Fatalf("answer (-want +got):\n%s", diff)
	}
	if len(out.Token) < 20 {
		t.Fatalf("token %q", out.Token)
	}
	if a := account(o, d); a.Name != "amy" || a.UID != 501 || !a.Governed {
		t.Fatalf("account %+v", a)
	}
	logged := o.Events("device.desktop_mfa.login.allow")
	if len(logged) != 1 || logged[0].Actor.ID != d.ID || logged[0].Actor.Type != "Device" || logged[0].Detail["reason"] != "grace" {
		t.Fatalf("logged %+v", logged)
	}
	// What was confirmed can be used, and is the Mac's key.
	a := account(o, d)
	issued, err := o.Book.Issue(o.As(access.HelpDeskAdmin, "sam@example.com"), recovery.Request{DeviceID: d.ID, AccountID: a.ID, Reason: "lost phone"})
	if err != nil || issued.PIN != recoverypin.Timed(k, issued.IssuedAt).Digits() || issued.DurationMinutes != 45 {
		t.Fatalf("issued %+v %v", issued, err)
	}
}

func TestSameSequenceGetsTheStoredAnswer(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	in.Events = []wire.Event{event("e1", "device.desktop_mfa.login.allow", o.Now(), nil)}
	_, first, _ := o.CheckIn(&id, in)
	o.Pass(time.Minute)
	status, second, _ := o.CheckIn(&id, in)
	// The Mac sets its clock by it, so an old time would be a wrong one.
	if !second.Now.Equal(o.Now()) {
		t.Errorf("the time is %s, want that of now, %s", second.Now, o.Now())
	}
	second.Now = first.Now
	if diff := cmp.Diff(first, second); status != 200 || diff != "" {
		t.Fatalf("%d, the answers differ:\n%s", status, diff)
	}
	in.Seq, in.Token = 2, first.Token
	in.Events = append(in.Events, event("e2", "device.desktop_mfa.login.deny", o.Now(), nil))
	if _, third, _ := o.CheckIn(&id, in); len(third.Events) != 2 || third.Token != "" {
		t.Fatalf("the next request: %+v", third)
	}
	if n := len(o.Events("device.desktop_mfa.login.allow")); n != 1 {
		t.Fatalf("an event that came twice was logged %d times", n)
	}
}

// Of a check-in from which nothing came no answer is kept: who asks again is
// answered anew, and hears what has been ordered meanwhile. It counts once.
func TestAskingAgainWhenNothingCameOfIt(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	_, out, _ := o.CheckIn(&id, in)
	if _, again, _ := o.CheckIn(&id, in); again.Token != out.Token || out.Token == "" {
		t.Error("a token is not the same when it is asked for again")
	}
	in.Seq, in.Token = 2, out.Token
	o.CheckIn(&id, in)
	d := device(o, "C02A")
	if d.LastAnswer != "" || d.LastSeq != 2 {
		t.Fatalf("of check-in %d an answer is kept: %t", d.LastSeq, d.LastAnswer != "")
	}
	o.Update(func(tx *sql.Tx) error {
		return directory.Order(t.Context(), tx, d.ID, wire.CommandResetFactors, guid, o.Now())
	})
	o.Pass(time.Minute)
	for range 2 {
		status, again, refusal := o.CheckIn(&id, in)
		if status != 200 || !again.Now.Equal(o.Now()) || len(again.Commands) != 1 || again.Token != "" {
			t.Errorf("%d %+v %+v", status, again, refusal)
		}
	}
	in.Boot = "boot-2"
	if status, _, _ := o.CheckIn(&id, in); status != 409 {
		t.Errorf("another request under the number that was taken: %d", status)
	}
	if n := len(o.Events(systemlog.SequenceBack)); n != 1 {
		t.Errorf("%d events of a sequence that went back, want 1: asking again is none", n)
	}
}

// A Mac that asks again sends the same bytes. Another request under the same
// number is that of a second Mac, or of a store that was restored to just
// before its last check-in.
func TestSameSequenceForAnotherRequest(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	_, first, _ := o.CheckIn(&id, in)
	in.Boot, in.Token = "boot-2", first.Token
	in.Events = []wire.Event{event("e2", "device.desktop_mfa.login.deny", o.Now(), nil)}
	status, _, refusal := o.CheckIn(&id, in)
	if status != 409 || refusal.LastSeq == nil || *refusal.LastSeq != 1 {
		t.Fatalf("%d %+v", status, refusal)
	}
	if back, taken := len(o.Events(systemlog.SequenceBack)), len(o.Events("device.desktop_mfa.login.deny")); back != 1 || taken != 0 {
		t.Fatalf("%d events of a sequence that went back, %d of the request were taken", back, taken)
	}
	in.Seq = 2
	if status, out, _ := o.CheckIn(&id, in); status != 200 || len(out.Commands) != 1 || out.Commands[0].Kind != wire.CommandRotate {
		t.Fatalf("%d %+v", status, out.Commands)
	}
}

func TestStoredAnswerIsSealed(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	_, out, _ := o.CheckIn(&id, request("C02A", 1))
	var n int
	o.Update(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM devices WHERE last_answer LIKE '%' || $1 || '%' OR token_hash LIKE '%' || $1 || '%'`, out.Token).Scan(&n)
	})
	if n != 0 {
		t.Error("the database holds the device token in the clear")
	}
}

func TestSequenceBack(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	o.CheckIn(&id, request("C02A", 5))
	status, _, refusal := o.CheckIn(&id, request("C02A", 4))
	if status != 409 || refusal.LastSeq == nil || *refusal.LastSeq != 5 {
		t.Fatalf("%d %+v", status, refusal)
	}
	if n := len(o.Events(systemlog.SequenceBack)); n != 1 {
		t.Fatalf("%d events", n)
	}
	_, out, _ := o.CheckIn(&id, request("C02A", 6))
	if len(out.Commands) != 1 || out.Commands[0].Kind != wire.CommandRotate || out.Commands[0].GUID != guid {
		t.Fatalf("commands %+v", out.Commands)
	}
	again := request("C02A", 7)
	if _, out, _ = o.CheckIn(&id, again); len(out.Commands) != 1 {
		t.Fatalf("a command that was not acknowledged is gone: %+v", out.Commands)
	}
	again.Seq, again.Ack = 8, []string{out.Commands[0].ID, "cmd-of-nobody"}
	if _, out, _ = o.CheckIn(&id, again); len(out.Commands) != 0 {
		t.Fatalf("an acknowledged command comes again: %+v", out.Commands)
	}
}

func TestRecoveryOffTakesNoSecret(t *testing.T) {
	o := servertest.New(t)
	o.Update(func(tx *sql.Tx) error { return directory.SaveSettings(t.Context(), tx, wire.Settings{}) })
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	_, up := upload(t, 1)
	in.Secrets = []wire.SecretUpload{up}
	if _, out, _ := o.CheckIn(&id, in); out.Settings.Recovery || len(out.Secrets) != 0 {
		t.Fatalf("answer %+v", out)
	}
}

func TestFirstGovernedKeepsTheEarliest(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	early, late := o.Now().Add(-48*time.Hour), o.Now()
	in := request("C02A", 1)
	for i, c := range []struct{ reported, want *time.Time }{{&late, &late}, {&early, &early}, {&late, &early}, {nil, &early}} {
		in.Seq, in.Accounts[0].FirstGovernedAt = uint64(i+1), c.reported
		_, out, _ := o.CheckIn(&id, in)
		if got := out.Accounts[0].FirstGovernedAt; got == nil || !got.Equal(*c.want) {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}

// A Mac that has lost its store knows no account, and hears of all of them.
func TestAForgetfulMacHearsOfItsAccounts(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in, governed := request("C02A", 1), o.Now().Add(-50*time.Hour)
	in.Accounts[0].FirstGovernedAt = &governed
	o.CheckIn(&id, in)
	in.Seq, in.Accounts = 2, nil
	_, out, _ := o.CheckIn(&id, in)
	if len(out.Accounts) != 1 || out.Accounts[0].GUID != guid || !out.Accounts[0].FirstGovernedAt.Equal(governed) {
		t.Fatalf("accounts %+v", out.Accounts)
	}
}

func TestBadBodies(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	edit := func(do func(*wire.CheckIn)) string {
		in := request("C02A", 1)
		do(&in)
		raw, _ := json.Marshal(in)
		return string(raw)
	}
	good := edit(func(*wire.CheckIn) {})
	for name, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"no JSON":          {`{`, 400, "well-formed"},
		"empty":            {``, 400, "well-formed"},
		"a list":           {`[]`, 400, "well-formed"},
		"something after":  {good + `{}`, 400, "something follows"},
		"another version":  {strings.Replace(good, `"v":1`, `"v":2`, 1), 426, "v: 2"},
		"no version":       {strings.Replace(good, `"v":1,`, ``, 1), 426, "v: 0"},
		"no sequence":      {edit(func(in *wire.CheckIn) { in.Seq = 0 }), 400, "seq: 0"},
		"a huge sequence":  {edit(func(in *wire.CheckIn) { in.Seq = 1 << 63 }), 400, "seq:"},
		"no serial number": {edit(func(in *wire.CheckIn) { in.Device.Serial = "" }), 400, "device.serial: missing"},
		"a zero byte":      {edit(func(in *wire.CheckIn) { in.Device.Serial, in.Accounts[0].GUID = "C0\x002A", "A\x00" }), 400, "device.serial: a zero byte"},
		"a long name":      {edit(func(in *wire.CheckIn) { in.Accounts[0].Name = strings.Repeat("x", 257) }), 400, "accounts[0].name"},
		"a short key": {edit(func(in *wire.CheckIn) {
			in.Secrets = []wire.SecretUpload{{GUID: guid, Generation: 1, Key: []byte("abcdef")}}
		}), 400, "secrets[0].key: 6 bytes"},
		"generation 0":       {edit(func(in *wire.CheckIn) { _, u := upload(t, 0); in.Secrets = []wire.SecretUpload{u} }), 400, "secrets[0].generation"},
		"too many events":    {edit(func(in *wire.CheckIn) { in.Events = make([]wire.Event, 501) }), 413, "events: 501, at most 500"},
		"an event of year 0": {edit(func(in *wire.CheckIn) { in.Events = []wire.Event{{ID: "e", Type: "t"}} }), 400, "events[0].at"},
		"too long":           {`{"v":1,"boot":"` + strings.Repeat("x", wire.MaxCheckIn) + `"}`, 413, "too large"},
	} {
		status, _, body := o.Post(&id, []byte(c.body))
		if status != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s, want %d with %q", name, status, body, c.status, c.want)
		}
		if strings.Contains(string(body), hex.EncodeToString([]byte("abcdef"))) || strings.Contains(string(body), "YWJjZGVm") {
			t.Errorf("%s: the answer quotes the key: %s", name, body)
		}
	}
	if status, _, _ := o.Post(&id, []byte(good)); status != 200 {
		t.Fatalf("the good one: %d", status)
	}
}

// Whichever side was restored from a backup: when the Mac's current secret is
// not the one here, it is told to make a new one.
func TestSecretsThatDisagreeAreRotated(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	k, up := upload(t, 3)
	in.Secrets = []wire.SecretUpload{up}
	o.CheckIn(&id, in)
	kid := k.KeyID()
	held := wire.SecretState{Generation: 3, KeyID: hex.EncodeToString(kid[:]), State: "current"}
	in.Secrets = nil
	for name, c := range map[string]struct {
		edit func(*wire.SecretState)
		want int
	}{
		"the same":               {func(*wire.SecretState) {}, 0},
		"another key":            {func(s *wire.SecretState) { s.KeyID = "0011223344556677" }, 1},
		"another generation":     {func(s *wire.SecretState) { s.Generation = 2 }, 1},
		"one that is on its way": {func(s *wire.SecretState) { s.State, s.Generation = "pending", 4 }, 0},
		"none":                   {func(s *wire.SecretState) { *s = wire.SecretState{State: "none"} }, 0},
	} {
		in.Seq++
		in.Accounts[0].Secret = held
		c.edit(&in.Accounts[0].Secret)
		_, out, _ := o.CheckIn(&id, in)
		if len(out.Commands) != c.want {
			t.Errorf("%s: commands %+v, want %d", name, out.Commands, c.want)
		}
		in.Ack = nil
		for _, cmd := range out.Commands {
			in.Ack = append(in.Ack, cmd.ID)
		}
	}
}
