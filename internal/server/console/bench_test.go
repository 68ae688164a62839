package console_test

import (
	"database/sql"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// BenchmarkPages is how long the help desk's pages take in an org of very many
// Macs: a million, or as many as CONSOLE_MACS says. Making them takes minutes.
func BenchmarkPages(b *testing.B) {
	macs := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("CONSOLE_MACS")); err == nil {
		macs = n
	}
	s := newSite(b)
	m := s.mac("C02AMY", "amy")
	fill(s, macs)
	who := s.admin("pat@example.com", access.SuperAdmin)
	for _, page := range []struct{ name, path string }{
		{"the list", "/devices"},
		{"the list, from the middle", "/devices?in=1&after=" + url.QueryEscape("m0500000")},
		{"a serial number is typed", "/devices?q=S0123"},
		{"a user name is typed", "/devices?q=user09876"},
		{"what nothing begins with", "/devices?q=zzz"},
		{"a Mac", m.path("")},
		{"the dialog of a PIN", m.ofAmy("/pin")},
		{"readiness", "/readiness?reason=unconfirmed"},
	} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				who.get(page.path).is(200)
			}
		})
	}
}

// fill makes Macs with one account and one secret each, in the way in which
// check-ins leave them: every hundredth waits to be confirmed.
func fill(s *site, macs int) {
	s.T.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	s.Update(func(tx *sql.Tx) error {
		for _, query := range []string{
			numbers + `INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, name_key, model, os, agent, zone, search_key, status, trust, certificate, claim,
				token_hash, token_old_hash, last_seq, last_answer, seen_at, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors,
				policy_effective, created_at, updated_at)
				SELECT printf('m%07d', i), printf('u%07d', i), printf('s%07d', i), printf('U%07d', i), printf('S%07d', i), printf('Mac %07d', i), printf('mac %07d', i), 'MacBookAir10,1',
				'15.1', '0.1.0', 'UTC', printf('s%07d mac %07d', i, i), 'ACTIVE', CASE WHEN i % 100 = 0 THEN 'UNVERIFIED' ELSE 'BOUND' END, '', '', '', '', 1, '', $2, 'anchored',
				'armed', 'ok', FALSE, 'good', '', '', '{}', $2, $2 FROM n`,
			numbers + `INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key, prelink, prelink_key, search_key, factors,
				secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
				SELECT printf('a%07d', i), printf('m%07d', i), printf('g%07d', i), 501, printf('user%07d', i), printf('User %07d', i), TRUE, FALSE, '', '', '', '',
				printf('user%07d user %07d', i, i), '[]', 'current', 1, '', $2, $2, $2 FROM n`,
			numbers + `INSERT INTO recovery_secrets (account_id, generation, key_id, sealed, proven, confirmed_at, last_issued_s) SELECT printf('a%07d', i), 1, '', '', TRUE, $2, 0 FROM n`,
		} {
			if _, err := tx.Exec(query, macs, s.Now().UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}
