package store

import (
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
)

// What an older server stored is found, and counted, like what a new one stores.
func TestReadinessOfAnOlderDatabase(t *testing.T) {
	db, err := connect(filepath.Join(t.TempDir(), "latchkey.db"), "immediate", false)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := provider(db, goose.DialectSQLite3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, model, os, agent, zone, search_key, status, trust, certificate, claim, token_hash,
			token_old_hash, last_seq, last_answer, seen_at, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors,
			policy_effective, created_at, updated_at)
		VALUES ('dev1', 'u1', 'c1', 'U1', 'C1', 'Zürich 1', '', '', '1.2', '', 'c1' || char(10) || 'zürich 1' || char(10) || 'u1', 'ACTIVE', 'BOUND', 'aa', '', '',
			'', 1, '', 5, '', 'armed', '', FALSE, '', '', '', '{"DeviceRecoveryValidityInDays":{"value":7}}', 1, 1)`,
		`INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key, prelink, prelink_key, search_key, factors,
			secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
		VALUES ('osa1', 'dev1', 'G1', 501, 'amy', '', TRUE, FALSE, '', '', '', '', '', '[]', '', 0, '', 1, 1, 1),
			('osa2', 'dev1', 'G2', 502, 'bob', '', FALSE, FALSE, '', '', '', '', '', '[]', '', 0, '', 1, 1, 1)`,
		`INSERT INTO recovery_secrets (account_id, generation, key_id, sealed, proven, confirmed_at, last_issued_s)
		VALUES ('osa1', 1, '', '', TRUE, 1000, 0), ('osa2', 1, '', '', TRUE, 10, 0)`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	var name, agent string
	var until int64
	err = db.QueryRow(`SELECT name_key, active_agent, secret_until FROM devices WHERE id = 'dev1'`).Scan(&name, &agent, &until)
	if want := int64(1000 + 7*86400*1e6); err != nil || name != "zürich 1" || agent != "1.2" || until != want {
		t.Errorf("%q %q %d %v, want a secret of the governed account until %d", name, agent, until, err, want)
	}
}
