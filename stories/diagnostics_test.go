package stories

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// TestDiagnosticsHoldNoSecret: after a device access code, a wrong one, and a
// whole recovery, with the daemon's log at its most talkative, nothing that
// opens anything is in the file that is sent to somebody else.
func TestDiagnosticsHoldNoSecret(t *testing.T) {
	t.Parallel()
	m := &mac{World: programs.Started(t, trial.Options{Daemon: []string{"--log-level", "debug"}}), t: t}
	m.enrolled()
	pin := m.pin()
	m.in(aWrongCode, presses("Back to the password", "esc"), again(m), thePIN(pin))
	m.must(m.CheckIn(trial.Reception()))

	logs := filepath.Join(t.TempDir(), "log")
	m.must(os.Mkdir(logs, 0o755))
	m.must(os.WriteFile(filepath.Join(logs, "latchkeyd.log"), []byte(m.Daemon.Log()), 0o600))
	out := filepath.Join(t.TempDir(), "out.tar.gz")
	_, err := m.Latchkey("diagnostics", "--files", m.Path("files"), "--log", logs, "--managed-preferences", m.Path("prefs"), "--out", out)
	m.must(err)
	all := unpacked(t, out)
	for _, has := range []string{`"state": "good"`, trial.Reception().Name, "recovery of " + trial.Reception().Name, "gate.json", `"level":`} {
		if !bytes.Contains(all, []byte(has)) {
			t.Errorf("%s is not in it", has)
		}
	}
	digits := regexp.MustCompile(`\D`).ReplaceAllString(pin, "")
	if len(digits) != 9 || strings.Count(string(all), digits) > 0 || bytes.Contains(all, []byte(pin)) {
		t.Errorf("the PIN %s is in it", pin)
	}
	for what, secret := range m.secrets() {
		for form, text := range map[string]string{
			"as it is": string(secret), "in hexadecimal": hex.EncodeToString(secret), "in base 64": strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "="),
			"in base 64 for addresses": base64.RawURLEncoding.EncodeToString(secret), "in base 32": strings.TrimRight(base32.StdEncoding.EncodeToString(secret), "="),
		} {
			if bytes.Contains(all, []byte(text)) {
				t.Errorf("%s is in it, %s", what, form)
			}
		}
	}
}

// secrets are what this Mac and its person have.
func (m *mac) secrets() map[string][]byte {
	found := map[string][]byte{"the password": []byte(m.Password), "the seed of the device access code": m.phone.Key.Secret()}
	profile, err := os.ReadFile(m.Profile())
	m.must(err)
	secret := regexp.MustCompile(`<key>DMFAClientSecret</key>\s*<string>([^<]+)</string>`).FindSubmatch(profile)
	if secret == nil {
		m.t.Fatal("the profile has no client secret")
	}
	found["the client secret"] = secret[1]
	m.must(filepath.WalkDir(m.State(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		switch {
		case strings.HasSuffix(path, "store.key"):
			found["the store's key"] = bytes.TrimSpace(raw)
		case bytes.Contains(raw, []byte("PRIVATE KEY-----")):
			found["the device's key"] = bytes.TrimSpace(regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END`).FindSubmatch(raw)[1])[:40]
		}
		return err
	}))
	if len(found) != 5 {
		m.t.Fatalf("only %d secrets were looked for", len(found))
	}
	return found
}

func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for archive := tar.NewReader(packed); ; {
		if _, err := archive.Next(); errors.Is(err, io.EOF) {
			return all.Bytes()
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, archive); err != nil {
			t.Fatal(err)
		}
	}
}
