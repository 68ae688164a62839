package deviceapi_test

import (
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// confirm is the administrator's word for the Mac's certificate.
func confirm(o *servertest.Org, serial string) {
	o.T.Helper()
	d := device(o, serial)
	o.Update(func(tx *sql.Tx) error {
		_, err := directory.Confirm(o.T.Context(), tx, d.ID, "", o.Now())
		return err
	})
}

// try sends one check-in and fails the test unless it ends as wanted.
func try(t *testing.T, o *servertest.Org, id servertest.Identity, in wire.CheckIn, status int, reason string) wire.CheckInAnswer {
	t.Helper()
	got, out, refusal := o.CheckIn(&id, in)
	if got != status || refusal.Reason != reason {
		t.Fatalf("%d %q %s, want %d %q", got, refusal.Reason, refusal.ErrorSummary, status, reason)
	}
	return out
}

// stories are told each to an org of its own.
type stories map[string]func(t *testing.T, o *servertest.Org)

func (s stories) run(t *testing.T) {
	for name, story := range s {
		t.Run(name, func(t *testing.T) { story(t, servertest.New(t)) })
	}
}

func TestBindingOfANewMac(t *testing.T) {
	stories{
		"a challenge tied to the serial number binds at once": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "c02a "))
			try(t, o, id, request("C02A", 1), 200, "")
		},
		"one that is not leaves a new Mac unverified until confirmed": func(t *testing.T, o *servertest.Org) {
			for _, kind := range []string{pki.Dynamic, pki.Static} {
				serial := "C02" + kind
				id := o.Enrol(o.Challenge(kind, ""))
				try(t, o, id, request(serial, 1), 403, wire.RefusedUnverified)
				try(t, o, id, request(serial, 1), 403, wire.RefusedUnverified)
				if n := len(o.Events(systemlog.DeviceEnrol)); n == 0 {
					t.Fatal("no event")
				}
				confirm(o, serial)
				try(t, o, id, request(serial, 1), 200, "")
			}
		},
		"a certificate tied to another serial number is refused": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02B"))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			if e := o.Events(systemlog.DeviceClaim); len(e) != 1 || e[0].Severity != systemlog.Error {
				t.Fatalf("events %+v", e)
			}
		},
		"a certificate in use by one Mac is refused on another": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Static, ""))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			confirm(o, "C02A")
			try(t, o, id, request("C02A", 1), 200, "")
			try(t, o, id, request("C02B", 1), 403, wire.RefusedUnverified)
		},
	}.run(t)
}

func TestBindingOfAKnownMac(t *testing.T) {
	stories{
		"the device token binds a new certificate at once": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			token := try(t, o, id, request("C02A", 1), 200, "").Token
			next := o.Enrol(o.Challenge(pki.Static, ""))
			in := request("C02A", 2)
			in.Token = token
			try(t, o, next, in, 200, "")
			in.Seq, in.Token = 3, ""
			try(t, o, id, in, 403, wire.RefusedReenrolled)
		},
		"a renewal signed with the bound key binds at once": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, id, request("C02A", 1), 200, "")
			try(t, o, o.Renew(id), request("C02A", 2), 200, "")
		},
		"a wrong token leaves the Mac re-enrolled, and the old certificate working": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, id, request("C02A", 9), 200, "")
			next := o.Enrol(o.Challenge(pki.Static, ""))
			in := request("C02A", 1)
			in.Token = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
			try(t, o, next, in, 403, wire.RefusedReenrolled)
			try(t, o, id, request("C02A", 10), 200, "")
			if d := device(o, "C02A"); d.Trust != directory.Reenrolled {
				t.Fatalf("trust %s", d.Trust)
			}
			confirm(o, "C02A")
			// Its store is new: it begins at 1 again and is no restored copy.
			try(t, o, next, in, 200, "")
			try(t, o, id, request("C02A", 11), 403, wire.RefusedReenrolled)
		},
		"a fresh challenge tied to the serial number counts as confirmation": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, id, request("C02A", 9), 200, "")
			next := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, next, request("C02A", 1), 200, "")
			try(t, o, id, request("C02A", 10), 403, wire.RefusedReenrolled)
		},
		"a rejected claim does not come back": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, id, request("C02A", 1), 200, "")
			next := o.Enrol(o.Challenge(pki.Static, ""))
			try(t, o, next, request("C02A", 1), 403, wire.RefusedReenrolled)
			claimed := device(o, "C02A")
			o.Update(func(tx *sql.Tx) error {
				d, err := directory.Reject(t.Context(), tx, claimed.ID, o.Now())
				if err == nil && d.Trust != directory.Bound {
					t.Errorf("trust %s", d.Trust)
				}
				return err
			})
			try(t, o, id, request("C02A", 2), 200, "")
		},
		"a suspended Mac is refused": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			try(t, o, id, request("C02A", 1), 200, "")
			for _, c := range []directory.Lifecycle{directory.Suspend, directory.Deactivate} {
				d := device(o, "C02A")
				o.Update(func(tx *sql.Tx) error {
					_, err := directory.ChangeDevice(t.Context(), tx, d.ID, c, o.Now())
					return err
				})
				try(t, o, id, request("C02A", 2), 403, wire.RefusedSuspended)
			}
		},
	}.run(t)
}

func TestTokenIsRotatedRarely(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	_, out, _ := o.CheckIn(&id, in)
	first := out.Token
	in.Seq, in.Token = 2, first
	if _, out, _ = o.CheckIn(&id, in); out.Token != "" {
		t.Fatal("a token was rotated at once")
	}
	o.Pass(31 * 24 * time.Hour)
	in.Seq = 3
	_, out, _ = o.CheckIn(&id, in)
	second := out.Token
	if second == "" || second == first {
		t.Fatalf("after a month: %q", second)
	}
	// The answer may have been lost: the old one still proves the Mac.
	in.Seq = 4
	if _, out, _ = o.CheckIn(&id, in); out.Token == "" {
		t.Fatal("a Mac that kept the old token gets no other")
	}
	if n := len(o.Events(systemlog.TokenMismatch)); n != 0 {
		t.Fatalf("%d events of a wrong token", n)
	}
	in.Seq, in.Token = 5, "wrong"
	o.CheckIn(&id, in)
	if n := len(o.Events(systemlog.TokenMismatch)); n != 1 {
		t.Fatalf("%d events of a wrong token, want 1", n)
	}
}

func TestCertificateIsNeeded(t *testing.T) {
	o := servertest.New(t)
	raw, _ := json.Marshal(request("C02A", 1))
	if status, _, body := o.Post(nil, raw); status != 401 {
		t.Errorf("without a certificate: %d %s", status, body)
	}
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	o.Update(func(tx *sql.Tx) error {
		return pki.RevokeCertificate(t.Context(), tx, pki.Fingerprint(id.Certificate), o.Now())
	})
	if status, _, refusal := o.CheckIn(&id, request("C02A", 1)); status != 401 {
		t.Errorf("with a revoked certificate: %d %+v", status, refusal)
	}
}
