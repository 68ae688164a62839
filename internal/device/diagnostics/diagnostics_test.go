package diagnostics_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/diagnostics"
)

func TestWhatASecretComesWith(t *testing.T) {
	for _, c := range []struct{ text, gone, stays string }{
		{`{"msg":"x","client_secret":"aB3\"x","user":"ada"}`, `aB3`, `"user":"ada"`},
		{`{"DMFAClientSecret" : "hunter2222"}`, "hunter2222", "DMFAClientSecret"},
		{`{"pin":"12345678","pins":3}`, "12345678", `"pins":3`},
		{"Authorization: Bearer abcdef123456", "abcdef123456", "Bearer"},
		{"GET /x?token=abc123&q=1", "abc123", "q=1"},
		{"otpauth://totp/Latchkey:ada?secret=JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PXP", ""},
		{"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\nafter", "MHcCAQEE", "after"},
		{"-----BEGIN PRIVATE KEY-----\nMHcCAQEE", "MHcCAQEE", ""},
		{"id eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln end", "eyJzdWIiOiJhZGEifQ", "end"},
		{"<key>DMFAClientSecret</key>\n\t<string>hunter2222</string>", "hunter2222", "</string>"},
		{"the value itself: s3cr3t-v4lu3.", "s3cr3t-v4lu3", "itself"},
	} {
		clean, n := diagnostics.Redact([]byte(c.text), []string{"s3cr3t-v4lu3", "12"})
		if bytes.Contains(clean, []byte(c.gone)) || n != 1 || !bytes.Contains(clean, []byte(c.stays)) {
			t.Errorf("%s\n%s (%d)", c.text, clean, n)
		}
	}
	// What an administrator needs stays: states of secrets, lengths of time, ids.
	for _, stays := range []string{
		`{"secret":{"generation":3,"key_id":"0123456789abcdef","state":"current"}}`, `"DeviceRecoveryPINDuration": {"value": 60}`,
		`{"level":"info","msg":"the recovery PIN was accepted","user":"ada"}`, "2026-11-26T12:00:00Z ready",
	} {
		if clean, n := diagnostics.Redact([]byte(stays), nil); n != 0 || string(clean) != stays {
			t.Errorf("%s became %s", stays, clean)
		}
	}
}

func TestTwiceIsAsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{`"password":"`, `x`, `"`, "secret=", "abcdefgh", " ", "\n", "Bearer ", "otpauth://", `\`, "-----BEGIN PRIVATE KEY-----"})
		text := strings.Join(rapid.SliceOfN(word, 0, 20).Draw(t, "words"), "")
		once, _ := diagnostics.Redact([]byte(text), []string{"abcdefgh"})
		if bytes.Contains(once, []byte("abcdefgh")) {
			t.Fatalf("%q became %q", text, once)
		}
		if twice, n := diagnostics.Redact(once, []string{"abcdefgh"}); n != 0 && !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, then %q", text, once, twice)
		}
	})
}

func read(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for archive := tar.NewReader(packed); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(h.Name, "latchkey-diagnostics/")] = string(raw)
	}
}

func TestABundleIsMadeOfWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	for name, at := range map[string]int{"latchkeyd.log": 0, "latchkeyd.log.0": -1, "old.1": -2, "old.2": -3, "old.3": -4} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("log of "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(time.Duration(at) * time.Hour)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.log")); err != nil {
		t.Fatal(err)
	}
	status := diagnostics.Part{Name: "status.json", Read: func(context.Context) ([]byte, error) { return []byte(`{"client_secret":"hunter22"}`), nil }}
	broken := diagnostics.Part{Name: "login-right.plist", Read: func(context.Context) ([]byte, error) { return nil, errors.New("it did not end in time") }}
	b := diagnostics.Bundle{Parts: append([]diagnostics.Part{status, broken}, diagnostics.Logs(dir)...), Now: time.Now()}
	path := filepath.Join(dir, "bundle.tar.gz")
	r, err := b.Write(t.Context(), path)
	if err != nil || r.Taken != 1 || len(r.Missing) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := read(t, path)
	if got["status.json"] != `{"client_secret":"[taken-out]"}` || got["login-right.plist.missing"] != "it did not end in time\n" ||
		got["log/latchkeyd.log"] != "log of latchkeyd.log\n" || got["log/old.3"] != "" || got["log/link.log"] != "" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := b.Write(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that was there: %v", err)
	}
}

func TestALongLogIsTakenFromALineOn(t *testing.T) {
	dir := t.TempDir()
	line := strings.Repeat("x", 99) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte(strings.Repeat(line, 60000)), 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := diagnostics.Logs(dir)[0].Read(t.Context())
	if err != nil || len(raw) > 4<<20 || len(raw) < 4<<20-200 || len(raw)%100 != 0 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}
