package directory_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// plan is how the database would answer a query.
func plan(t *testing.T, tx *sql.Tx, query string, args ...any) string {
	t.Helper()
	explain, before := `EXPLAIN QUERY PLAN `, make([]any, 3)
	if storetest.OnServer() {
		explain, before = `EXPLAIN `, nil
	}
	rows, err := tx.Query(explain+query, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var step string
		into := []any{}
		for i := range before {
			into = append(into, &before[i])
		}
		if err := rows.Scan(append(into, &step)...); err != nil {
			t.Fatal(err)
		}
		out = append(out, step)
	}
	return strings.Join(out, "\n")
}

// onEmptyTables have plans in SQLite alone.
func onEmptyTables(t *testing.T) {
	t.Helper()
	storetest.OnlySQLite(t, "PostgreSQL plans by what the tables hold: TestPlansOfPostgreSQL fills them")
}

// A list that is counted or paged reads by an index, not all Macs.
func TestPlansOfReadiness(t *testing.T) {
	onEmptyTables(t)
	indexes := map[directory.Lack]string{directory.LacksConfirmation: "devices_lacks_confirmation", directory.LacksCheckIn: "devices_lacks_check_in",
		directory.LacksAgent: "devices_active_agent", directory.LacksArming: "devices_lacks_arming", directory.LacksSecret: "devices_lacks_secret",
		directory.LacksFreshSecret: "devices_secret_until"}
	within(t, func(tx *sql.Tx) {
		for _, l := range directory.Lacks() {
			c := directory.Criteria{Now: time.Unix(1, 0), OldAgents: []string{"1", "2"}}
			for _, of := range []func() (string, []any){func() (string, []any) { return l.Count(c) },
				func() (string, []any) { return l.Page(c, directory.Page{After: "dev", Limit: 50}) }} {
				query, args := of()
				if p := plan(t, tx, query, args...); !strings.HasPrefix(p, "SEARCH devices USING INDEX "+indexes[l]+" ") {
					t.Errorf("%s does not read by %s:\n%s\n%s", l, indexes[l], query, p)
				}
			}
		}
		if p := plan(t, tx, directory.DistinctAgents); strings.Count(p, "SEARCH") < 2 || strings.Contains(p, "SCAN devices\n") {
			t.Errorf("versions:\n%s", p)
		}
	})
}

// What is typed finds by the beginning of each name, with no scan of a table.
func TestPlanOfAPrefix(t *testing.T) {
	onEmptyTables(t)
	within(t, func(tx *sql.Tx) {
		p := plan(t, tx, directory.ByPrefix(10), "c02", "c03")
		for _, index := range []string{"devices_serial", "devices_name", "os_accounts_name", "os_accounts_linked", "os_accounts_prelink", "users_email", "users_first", "users_last"} {
			if !strings.Contains(p, "INDEX "+index) {
				t.Errorf("the plan does not use %s", index)
			}
		}
		for _, table := range []string{"SCAN d\n", "SCAN a\n", "SCAN u\n", "SCAN a ", "SCAN u ", "SCAN d ", "SCAN n"} {
			if strings.Contains(p+"\n", table) {
				t.Errorf("a whole table is read: %s", table)
			}
		}
		if t.Failed() {
			t.Log(p)
		}
	})
}

// The Macs of a login are found by indexes of logins.
func TestPlanOfALogin(t *testing.T) {
	onEmptyTables(t)
	within(t, func(tx *sql.Tx) {
		for _, query := range []string{directory.OfLogin, directory.MacsOfLogin} {
			p := plan(t, tx, query, "amy@example.com")
			if !strings.Contains(p, "INDEX os_accounts_linked") || !strings.Contains(p, "INDEX os_accounts_prelink") || strings.Contains(p, "SCAN a") || strings.Contains(p, "SCAN d") {
				t.Errorf("the plan reads more:\n%s", p)
			}
		}
	})
}

// In PostgreSQL the plan is one for what the tables hold: very many accounts, of
// which few or none are linked ahead, so that nearly all have the same value.
func TestPlansOfPostgreSQL(t *testing.T) {
	if !storetest.OnServer() {
		t.Skip("the plans of SQLite stand above")
	}
	const macs = 10_000
	for _, prelinked := range []int{0, 100, macs} {
		within(t, func(tx *sql.Tx) {
			for _, statement := range []string{
				`INSERT INTO users (id, login, login_key, email, first_name, last_name, search_key, status, created_at, updated_at)
					SELECT 'usr' || i, 'u' || i, 'u' || i, 'mail' || i, 'First' || i, 'Last' || i, '', 'ACTIVE', 1, 1 FROM generate_series(1, $1::bigint) i WHERE $2::bigint >= 0`,
				`INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, name_key, model, os, agent, zone, search_key, status, trust, certificate, claim,
						token_hash, token_old_hash, last_seq, last_answer, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors, policy_effective, created_at, updated_at)
					SELECT 'dev' || i, 'd' || i, 'c' || i, '', '', '', 'mac' || i, '', '', '', '', '', 'ACTIVE', 'BOUND', '', '', '', '', 0, '', '', '', '', FALSE, '', '', '', '', 1, 1 FROM generate_series(1, $1::bigint) i WHERE $2::bigint >= 0`,
				`INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key, prelink, prelink_key, search_key, factors, secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
					SELECT 'osa' || n || '-' || i, 'dev' || i, n || '-' || i, 501, 'n' || i, '', TRUE, FALSE, '', CASE WHEN n = 1 AND i > $2::bigint THEN 'u' || i ELSE '' END, '', CASE WHEN n = 1 AND i <= $2::bigint THEN 'u' || i ELSE '' END,
						'', '[]', '', 0, '', 1, 1, 1 FROM generate_series(1, $1::bigint) i, generate_series(1, 2) n`,
				`INSERT INTO account_names (part, account_id) SELECT 'first' || device_id, id FROM os_accounts WHERE $1::bigint + $2::bigint > 0`,
			} {
				if _, err := tx.Exec(statement, macs, prelinked); err != nil {
					t.Fatalf("%v: %.60s", err, statement)
				}
			}
			if _, err := tx.Exec(`ANALYZE`); err != nil {
				t.Fatal(err)
			}
			for query, args := range map[string][]any{directory.ByPrefix(25): {"first", "firsu"}, directory.OfLogin: {"u7"}, directory.MacsOfLogin: {"u7"}} {
				if p := plan(t, tx, query, args...); strings.Contains(p, "Seq Scan") {
					t.Errorf("with %d linked ahead a whole table is read:\n%s", prelinked, p)
				}
			}
		})
	}
}

// What a scope names is found from its groups, and not by reading all accounts.
func TestPlanOfAScope(t *testing.T) {
	onEmptyTables(t)
	within(t, func(tx *sql.Tx) {
		p := plan(t, tx, directory.MacsOfMembers(), "tok1")
		if !strings.Contains(p, "INDEX os_accounts_linked") || !strings.Contains(p, "INDEX os_accounts_prelink") || strings.Contains(p, "SCAN o") {
			t.Errorf("the plan reads more:\n%s", p)
		}
	})
}
