package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const (
	users      = 100
	exemptUID  = 500
	exemptName = "exempt"
	hardware   = "5B9E8D50-3C0F-4E0B-8B55-6C9F4A1D7E02"
)

// mac is the machine that is measured: its folders, its profile and a store in
// which every user has a factor and a recovery secret.
type mac struct{ bin, dir string }

func newMac(bin string) (*mac, error) {
	// Short, since a socket's path has at most 103 bytes.
	dir, err := os.MkdirTemp("", "lkbench")
	if err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	m := &mac{bin: bin, dir: dir}
	if err := errors.Join(m.folders(), m.accounts(), m.profile(), m.fill()); err != nil {
		m.close()
		return nil, fmt.Errorf("set up the machine to measure: %w", err)
	}
	return m, nil
}

func (m *mac) close() { _ = os.RemoveAll(m.dir) }

func (m *mac) path(name string) string { return filepath.Join(m.dir, name) }

func (m *mac) program(name string) string { return filepath.Join(m.bin, name) }

func (m *mac) folders() error {
	var err error
	for _, name := range []string{"s", "relay", "prefs", "files"} {
		err = errors.Join(err, os.Mkdir(m.path(name), 0o755))
	}
	raw, encodeErr := json.Marshal(map[string]string{"udid": hardware, "serial": "LKBENCH00001", "model": "MacBookAir10,1", "name": "Bench", "os": "15.1", "zone": "UTC"})
	return errors.Join(err, encodeErr, os.WriteFile(m.path("machine.json"), raw, 0o644))
}

// accounts are on the machine. The users of the store come from its own
// directory, as on a Mac, so that the file holds only who logs in here.
func (m *mac) accounts() error {
	return devaccounts.Add(rand.Reader, m.path("accounts.json"), devaccounts.Account{Name: exemptName, UID: exemptUID, GID: 20,
		GUID: guidOf(exemptUID), FullName: "Exempt", Home: "/Users/" + exemptName}, []byte(rand.Text()))
}

func guidOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012X", n) }

func (m *mac) profile() error {
	const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>DMFAClientID</key><string>bench</string>
<key>DMFAClientSecret</key><string>bench</string>
<key>DMFAOrgURL</key><string>https://127.0.0.1:1</string>
<key>MFANotRequiredList</key><array><string>` + exemptName + `</string></array>
</dict></plist>
`
	return os.WriteFile(filepath.Join(m.path("prefs"), "com.okta.deviceaccess.servicedaemon.plist"), []byte(text), 0o644)
}

// fill makes the store with the daemon's own packages.
func (m *mac) fill() error {
	key, err := store.FileKey(m.path("state"))
	if err != nil {
		return err
	}
	records, err := store.Open(store.Options{Dir: m.path("state"), Hardware: hardware, Key: key})
	if err != nil {
		return err
	}
	defer records.Close()
	c, err := clock.Open(clock.Options{})
	if err != nil {
		return err
	}
	keeper, err := trustedtime.Open(c, records)
	if err != nil {
		return err
	}
	journal, err := events.Open(records, keeper)
	if err != nil {
		return err
	}
	pins := recovery.New(records, journal, keeper, rand.Reader)
	codes := accesscode.New(records, journal, keeper, func() string { return "Bench" }, func() string { return "bench.example" })
	sessions := &session.Manager{Records: records, Journal: journal, Time: keeper}
	for n := range users {
		a := factor.Account{GUID: guidOf(1000 + n), Name: fmt.Sprintf("user%03d", n), FullName: fmt.Sprintf("User %d", n), UID: uint32(1000 + n)}
		_, enrolErr := codes.Enrol(context.Background(), a, typesBack)
		if err := errors.Join(enrolErr, pins.Register(a.GUID), sessions.Remember(a.GUID, c.Wall())); err != nil {
			return err
		}
	}
	return nil
}

// typesBack is a person who scans the QR code and types the first code.
func typesBack(_ context.Context, s wire.Screen) (wire.Act, error) {
	link, err := url.Parse(s.QR)
	if err != nil {
		return wire.Act{}, fmt.Errorf("read the QR code: %w", err)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(link.Query().Get("secret"))
	if err != nil {
		return wire.Act{}, fmt.Errorf("read the QR code: %w", err)
	}
	key, err := totp.KeyFrom(secret)
	return wire.Act{Values: map[string]string{"code": key.Code(totp.Step(time.Now()))}}, err
}
