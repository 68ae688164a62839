package attack

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// stolen is the Mac's key and certificate in other hands.
func (m *mac) stolen() tls.Certificate {
	m.t.Helper()
	cert, err := identity.Folder{Dir: identity.Below(m.State()), Now: m.Clocks.Now}.Certificate(m.t.Context())
	m.ok(err)
	return cert
}

// posts sends a check-in as whoever holds a certificate, past the Mac. The
// status is 0 where the connection already is refused.
func (m *mac) posts(cert *tls.Certificate, c wire.CheckIn) (int, wire.CheckInAnswer, wire.APIError) {
	m.t.Helper()
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(m.ServerCA())
	m.ok(err)
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13, Time: m.Clocks.Now}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: patience}
	body, err := json.Marshal(c)
	m.ok(err)
	request, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, "https://"+m.DeviceListener()+wire.CheckInPath, bytes.NewReader(body))
	m.ok(err)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, wire.CheckInAnswer{}, wire.APIError{ErrorSummary: err.Error()}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	m.ok(err)
	var answer wire.CheckInAnswer
	var why wire.APIError
	if response.StatusCode == http.StatusOK {
		m.ok(json.Unmarshal(raw, &answer))
	} else {
		m.ok(json.Unmarshal(raw, &why))
	}
	return response.StatusCode, answer, why
}

// checkIn is what this Mac could say, with events and a secret that it did not
// make.
func (m *mac) checkIn(seq uint64) wire.CheckIn {
	m.t.Helper()
	raw, err := os.ReadFile(m.Path("machine.json"))
	m.ok(err)
	var facts wire.Device
	m.ok(json.Unmarshal(raw, &facts))
	secret, err := recoverypin.NewSecret(rand.Reader)
	m.ok(err)
	a, at := trial.Reception(), m.Clocks.Now()
	return wire.CheckIn{V: 1, Seq: seq, Boot: "boot-of-a-thief", Wall: at, Clock: "anchored", Device: facts,
		Policy:   wire.PolicyState{State: "good"},
		Accounts: []wire.Account{{GUID: a.GUID, UID: a.UID, Name: a.Name, FullName: a.FullName, Governed: true, Factors: []wire.Factor{}}},
		Secrets:  []wire.SecretUpload{{GUID: a.GUID, Generation: 100, Key: secret[:]}},
		Events:   []wire.Event{{ID: "forged", Type: "device.desktop_mfa." + evActivate, At: at, Trusted: true, GUID: a.GUID}}}
}

// lastSeq is the number of the Mac's last check-in, which the server tells who
// sends an old one.
func (m *mac) lastSeq(cert tls.Certificate) uint64 {
	m.t.Helper()
	status, _, why := m.posts(&cert, m.checkIn(1))
	if status != http.StatusConflict || why.LastSeq == nil {
		m.t.Fatalf("an old check-in: %d, %+v", status, why)
	}
	return *why.LastSeq
}

// generation is that of the secret which the help desk's PINs are made with.
func (m *mac) generation() uint64 {
	m.t.Helper()
	a, err := m.Account(trial.Reception())
	m.ok(err)
	return a.Secret.Generation
}

// Somebody has a copy of the certificate's key and sends check-ins of the past,
// or under the number of the last one: nothing in them is taken, the secrets are
// changed, and the Mac goes on.
func TestAttackCheckInIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	before, thief := m.generation(), m.stolen()
	last := m.lastSeq(thief)
	for _, seq := range []uint64{last, last - 1, 1} {
		if status, _, why := m.posts(&thief, m.checkIn(seq)); status != http.StatusConflict {
			t.Errorf("check-in %d after %d was answered %d %+v", seq, last, status, why)
		}
	}
	m.tells("check_in.sequence_back", "seq", strconv.FormatUint(last, 10))
	m.ok(m.CheckIn(trial.Reception())) // with the secret that the order made
	if after := m.generation(); after <= before {
		t.Errorf("the secret is still of generation %d", after)
	}
	if n := len(m.events(evActivate)); n != 0 {
		t.Errorf("%d forged events were taken", n)
	}
	m.getsInByPIN()
}

// The same person goes on where the Mac stands. The secret that only the thief
// has is taken as unproven, which the help desk is warned of, and a made-up use
// of a PIN is told as one that nobody issued. The Mac's next check-in shows that
// there are two, and puts its own secret in place.
func TestAttackCheckInByACopiedMac(t *testing.T) {
	m := anEnrolledMac(t)
	thief := m.stolen()
	next := m.lastSeq(thief) + 1
	if status, answer, _ := m.posts(&thief, m.checkIn(next)); status != http.StatusOK || answer.Secrets[0].Result != wire.SecretUnproven {
		t.Fatalf("the thief's check-in: %d %+v", status, answer.Secrets)
	}
	m.tells("check_in.sequence_back", "lastSeq", strconv.FormatUint(next, 10))
	m.tellsOf("recovery_pin.activate_unmatched")
	m.ok(m.CheckIn(trial.Reception()))
	if mine := m.generation(); mine <= 100 {
		t.Errorf("the Mac's secret is of generation %d, the thief's of 100", mine)
	}
	m.getsInByPIN()
	m.getsIn()
}

// Certificates that are not this Mac's, or nobody's.
func TestAttackCertificateIsNotTheMacs(t *testing.T) {
	m, other := anEnrolledMac(t), anotherMac(t)
	next := m.lastSeq(m.stolen()) + 1
	if status, _, _ := m.posts(nil, m.checkIn(next)); status != http.StatusUnauthorized {
		t.Errorf("without a certificate: %d", status)
	}
	// A certificate of this server, issued for another serial number.
	own := m.enrolsAs("LKDEMO000002")
	in := m.checkIn(next)
	if status, _, why := m.posts(&own, in); status != http.StatusForbidden {
		t.Errorf("the certificate of another serial number: %d %+v", status, why)
	}
	m.tellsOf("binding.claim")
	in.Device.Serial, in.Device.UDID = "LKDEMO000002", "5B9E8D50-3C0F-4E0B-8B55-6C9F4A1D7E03"
	if status, _, _ := m.posts(&own, in); status != http.StatusOK {
		t.Errorf("its own Mac: %d", status)
	}
	// One that no authority of this server has signed, with the right marker.
	foreign := other.stolen()
	if status, _, why := m.posts(&foreign, m.checkIn(next)); status != 0 {
		t.Errorf("a certificate of another org: %d %+v", status, why)
	}
	m.ok(m.CheckIn(trial.Reception()))
	m.getsInByPIN()
}

// enrolsAs gets a certificate with a challenge of its own for a serial number,
// into a folder of its own.
func (m *mac) enrolsAs(serial string) tls.Certificate {
	m.t.Helper()
	state := m.Path("thief-" + serial)
	m.ok(m.enrol(m.challenge("--serial", serial), state))
	cert, err := identity.Folder{Dir: identity.Below(state), Now: m.Clocks.Now}.Certificate(m.t.Context())
	m.ok(err)
	return cert
}

// A certificate that was good a year ago opens nothing, in whosever hands, and
// the Mac says what it lacks.
func TestAttackCertificateHasExpired(t *testing.T) {
	m := anEnrolledMac(t)
	old := m.stolen()
	next := m.lastSeq(old) + 1
	m.passes(366 * day)
	if status, _, why := m.posts(&old, m.checkIn(next)); status != 0 {
		t.Errorf("an expired certificate: %d %+v", status, why)
	}
	_, err := m.Latchkey("check-in")
	if err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("the Mac says %v", err)
	}
	m.withPasswordAlone()
}
