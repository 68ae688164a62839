package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// What was backed up beside a server that runs is brought back on another
// machine: the Mac checks in there, with the certificate and the secret of
// before, and the PIN that is issued there is the one that it expects.
func TestARestoredServerGoesOn(t *testing.T) {
	storetest.OnlySQLite(t, "PostgreSQL has pg_dump")
	dir := t.TempDir()
	data, file, fresh := filepath.Join(dir, "data"), filepath.Join(dir, "backup"), filepath.Join(dir, "new", "data")
	local(t, "init", "--data", data)
	t.Setenv("LATCHKEY_TOKEN", local(t, "token", "create", "--data", data, "--name", "test", "--login", "sam@example.com", "--role", "super-admin"))
	t.Setenv("LATCHKEY_CA_FILE", filepath.Join(data, "tls-ca.pem"))
	server := startProcess(t, data)
	t.Setenv("LATCHKEY_SERVER", server.env["LATCHKEY_SERVER"])
	m := &mac{server: server.env["LATCHKEY_SERVER"], device: server.env["DEVICE_URL"], fatal: t.Fatalf}
	m.enrol(local(t, "scep", "challenge", "create", "--serial", "C02A"))
	for seq := range uint64(2) {
		if status, body := m.checkIn("C02A", "amy", seq+1); status != 200 {
			t.Fatalf("check-in: %d %s", status, body)
		}
	}
	if said := local(t, "backup", file, "--data", data); !strings.Contains(said, "The master key") || !strings.Contains(said, "is not in it") {
		t.Errorf("nothing is said of the master key: %s", said)
	}
	// After the backup, and so lost with the machine.
	local(t, "user", "add", "late@example.com")
	_ = server.cmd.Process.Kill()
	_ = server.cmd.Wait()

	refuse := func(hint string, args ...string) {
		t.Helper()
		var said bytes.Buffer
		if code := run(t.Context(), streams{out: &said, err: &said}, args); code != exitFailed || !strings.Contains(said.String(), hint) {
			t.Errorf("%v: exit %d: %s, want %q", args, code, &said, hint)
		}
	}
	refuse("opens nothing without its master key", "restore", file, "--data", fresh)
	if _, err := os.Lstat(fresh); err == nil {
		t.Error("a folder was made by a restore that was refused")
	}
	other := filepath.Join(dir, "other")
	local(t, "init", "--data", other)
	refuse("another master key", "restore", file, "--data", fresh, "--master-key", filepath.Join(other, "master.key"))
	refuse("nothing is replaced", "restore", file, "--data", data)
	refuse("nothing is replaced", "backup", file, "--data", data)
	key := filepath.Join(data, "master.key")
	if said := local(t, "restore", file, "--check", "--data", fresh, "--master-key", key); !strings.Contains(said, "is whole") {
		t.Error(said)
	}
	local(t, "restore", file, "--data", fresh, "--master-key", key)
	raw, _ := os.ReadFile(key)
	if err := os.WriteFile(filepath.Join(fresh, "master.key"), raw, 0o600); err != nil {
		t.Fatal(err)
	}

	server = startProcess(t, fresh)
	t.Setenv("LATCHKEY_SERVER", server.env["LATCHKEY_SERVER"])
	t.Setenv("LATCHKEY_CA_FILE", filepath.Join(fresh, "tls-ca.pem"))
	m.device = server.env["DEVICE_URL"]
	var pin struct {
		PIN      string    `json:"pin"`
		IssuedAt time.Time `json:"issuedAt"`
	}
	issue := func(seq byte) {
		t.Helper()
		if err := json.Unmarshal([]byte(local(t, "pin", "generate", "--device", "C02A", "--user", "amy", "--reason", "x", "--json")), &pin); err != nil {
			t.Fatal(err)
		}
		if want := recoverypin.Timed(recoverypin.Secret(bytes.Repeat([]byte{seq}, 32)), pin.IssuedAt); want.Digits() != pin.PIN {
			t.Error("the Mac would not take the PIN")
		}
	}
	issue(2)
	if status, body := m.checkIn("C02A", "amy", 3); status != 200 {
		t.Fatalf("check-in after the restore: %d %s", status, body)
	}
	issue(3)
	local(t, "events", "verify")
	if strings.Contains(local(t, "user", "list"), "late@") {
		t.Error("the backup holds what came after it")
	}
}
