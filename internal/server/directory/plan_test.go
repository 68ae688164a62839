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
	storetest.OnlySQLite(t, "PostgreSQL plans by what the tables hold, and these are empty")
	rows, err := tx.Query(`EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		out = append(out, step)
	}
	return strings.Join(out, "\n")
}

// A list that is counted or paged reads by an index, not all Macs.
func TestPlansOfReadiness(t *testing.T) {
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

// What a scope names is found from its groups, and not by reading all accounts.
func TestPlanOfAScope(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		p := plan(t, tx, directory.MacsOfMembers(), "tok1")
		if !strings.Contains(p, "INDEX os_accounts_linked") || !strings.Contains(p, "INDEX os_accounts_prelink") || strings.Contains(p, "SCAN o") {
			t.Errorf("the plan reads more:\n%s", p)
		}
	})
}
