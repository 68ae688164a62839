package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// both runs a test on each kind of database, with a place where there is none yet.
func both(t *testing.T, test func(t *testing.T, where string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "latchkey.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, storetest.Postgres(t).Empty(t)) })
}

// What an older server stored is found, and counted, like what a new one stores.
func TestReadinessOfAnOlderDatabase(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		old, err := store.UpTo(t.Context(), where, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		for _, statement := range []string{
			`INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, model, os, agent, zone, search_key, status, trust, certificate, claim, token_hash,
				token_old_hash, last_seq, last_answer, seen_at, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors,
				policy_effective, created_at, updated_at)
			VALUES ('dev1', 'u1', 'c1', 'U1', 'C1', 'Zürich 1', '', '', '1.2', '', 'c1` + "\n" + `zürich 1` + "\n" + `u1', 'ACTIVE', 'BOUND', 'aa', '', '',
				'', 1, '', 5, '', 'armed', '', FALSE, '', '', '', '{"DeviceRecoveryValidityInDays":{"value":7}}', 1, 1)`,
			`INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key, prelink, prelink_key, search_key, factors,
				secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
			VALUES ('osa1', 'dev1', 'G1', 501, 'amy', 'Ämy van  Dyk', TRUE, FALSE, '', '', '', '', 'amy` + "\n" + `ämy van  dyk` + "\n" + `amy@example.com` + "\n" + `', '[]', '', 0, '', 1, 1, 1),
				('osa2', 'dev1', 'G2', 502, 'bob', '', FALSE, FALSE, '', '', '', '', '', '[]', '', 0, '', 1, 1, 1)`,
			`INSERT INTO recovery_secrets (account_id, generation, key_id, sealed, proven, confirmed_at, last_issued_s)
			VALUES ('osa1', 1, '', '', TRUE, 1000, 0), ('osa2', 1, '', '', TRUE, 10, 0)`,
		} {
			if _, err := old.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		var name, agent string
		var until int64
		var parts []string
		err = open(t, where).View(t.Context(), func(tx *sql.Tx) (err error) {
			parts, err = store.All(t.Context(), tx, func(s store.Scanner) (p string, err error) { return p, s.Scan(&p) }, `SELECT part FROM account_names WHERE account_id = 'osa1' ORDER BY part`)
			if err != nil {
				return err
			}
			return tx.QueryRow(`SELECT name_key, active_agent, secret_until FROM devices WHERE id = 'dev1'`).Scan(&name, &agent, &until)
		})
		if want := int64(1000 + 7*86400*1e6); err != nil || name != "zürich 1" || agent != "1.2" || until != want {
			t.Errorf("%q %q %d %v, want a secret of the governed account until %d", name, agent, until, err, want)
		}
		if want := []string{"dyk", "van dyk", "ämy van dyk"}; !slices.Equal(parts, want) {
			t.Errorf("its user is found by %q, want %q", parts, want)
		}
	})
}

// A migration that fails is named, and leaves the database at the version before.
func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		old, err := store.UpTo(t.Context(), where, 5)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		// Somebody made a table that migration 7 makes, behind others of its own.
		if _, err := old.Exec(`CREATE TABLE scopes (x BIGINT)`); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(t.Context(), where)
		if err == nil || !strings.Contains(err.Error(), "stays at version 6, as migration 7 failed") || !strings.Contains(err.Error(), "scopes") {
			t.Fatalf("got %v", err)
		}
		var version, made int
		if err := old.QueryRow(`SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil || version != 6 {
			t.Errorf("version %d %v", version, err)
		}
		if old.QueryRow(`SELECT count(*) FROM custom_roles`).Scan(&made) == nil {
			t.Error("half of the migration stands")
		}
		if _, err := old.Exec(`DROP TABLE scopes`); err != nil {
			t.Fatal(err)
		}
		open(t, where)
	})
}

// Servers that are started together on one empty database migrate it once.
func TestServersThatStartTogether(t *testing.T) {
	where := storetest.Postgres(t).Empty(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(context.Background(), where)
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
	files, _ := fs.Glob(os.DirFS("migrations"), "*.sql")
	var n int
	err := open(t, where).View(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM goose_db_version WHERE version_id > 0`).Scan(&n)
	})
	if err != nil || n != len(files) {
		t.Errorf("%d steps were taken %v, want %d", n, err, len(files))
	}
}

// Both databases end with the same tables, columns, keys and indexes.
func TestBothDatabasesAreAlike(t *testing.T) {
	var seen []map[string][]string
	both(t, func(t *testing.T, where string) {
		got := map[string][]string{}
		err := open(t, where).View(t.Context(), func(tx *sql.Tx) (err error) {
			for what, query := range shapes(store.OnServer(where)) {
				got[what], err = store.All(t.Context(), tx, func(s store.Scanner) (line string, err error) { return line, s.Scan(&line) }, query)
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
				for i, line := range got[what] {
					got[what][i] = plain(line)
				}
				slices.Sort(got[what])
			}
			return nil
		})
		if err != nil || len(got["columns"]) < 200 || len(got["indexes"]) < 20 || len(got["references"]) < 10 {
			t.Fatalf("too little is seen: %d columns, %d indexes, %d references, %v", len(got["columns"]), len(got["indexes"]), len(got["references"]), err)
		}
		seen = append(seen, got)
	})
	if len(seen) == 2 {
		if diff := cmp.Diff(seen[0], seen[1]); diff != "" {
			t.Errorf("SQLite (-) and PostgreSQL (+) differ:\n%s", diff)
		}
	}
}

// plain is a line without what only one of the two writes.
func plain(line string) string {
	line = strings.ToLower(strings.NewReplacer(`"`, "", "::text", "", "(", " ", ")", " ", ",", " ").Replace(line))
	return strings.Join(strings.Fields(regexp.MustCompile(`\b(public\.|using btree|character varying)`).ReplaceAllString(line, "")), " ")
}

// shapes are queries for lines that tell of one thing each, in the same words.
func shapes(onServer bool) map[string]string {
	if onServer {
		return map[string]string{
			"columns": `SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || CASE is_nullable WHEN 'NO' THEN 'required' ELSE '' END
					|| ' ' || coalesce(column_default, '') || ' ' || CASE is_generated WHEN 'ALWAYS' THEN 'generated' ELSE '' END
				FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`,
			"indexes": `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'goose_db_version'
				AND indexname NOT LIKE '%\_key' AND indexname NOT LIKE '%\_pkey'`,
			"keys": `SELECT c.conrelid::regclass || ' ' || CASE c.contype WHEN 'p' THEN 'primary' ELSE 'unique' END || ' ' || (
					SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k (num, n)
					JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)
				FROM pg_constraint c WHERE c.contype IN ('p', 'u') AND c.connamespace = 'public'::regnamespace AND c.conrelid::regclass::text <> 'goose_db_version'`,
			"references": `SELECT c.conrelid::regclass || ' ' || a.attname || ' ' || c.confrelid::regclass || ' ' || f.attname || ' ' ||
					CASE c.confdeltype WHEN 'c' THEN 'cascade' ELSE '' END
				FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
				JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] WHERE c.contype = 'f'`,
			"triggers": `SELECT DISTINCT trigger_name || ' ' || event_object_table || ' ' || event_manipulation FROM information_schema.triggers WHERE trigger_schema = 'public'`,
			// Texts are compared by bytes, in whatever language the database is.
			"language": `SELECT table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'
				AND collation_name IS DISTINCT FROM 'C'`,
		}
	}
	tables := `FROM sqlite_master t JOIN pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'goose_db_version'`
	return map[string]string{
		"columns": `SELECT t.name || ' ' || c.name || ' ' || c.type || ' ' || CASE WHEN c."notnull" OR c.pk THEN 'required' ELSE '' END
			|| ' ' || coalesce(c.dflt_value, '') || ' ' || CASE WHEN c.hidden IN (2, 3) THEN 'generated' ELSE '' END ` + tables,
		"indexes": `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name <> 'goose_db_version'`,
		"keys": `SELECT t.name || ' ' || CASE i.origin WHEN 'pk' THEN 'primary' ELSE 'unique' END || ' ' || (
				SELECT group_concat(x.name, ' ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) AS x)
			FROM sqlite_master t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin IN ('pk', 'u') AND t.name <> 'goose_db_version'`,
		"references": `SELECT t.name || ' ' || f."from" || ' ' || f."table" || ' ' || f."to" || ' ' || CASE f.on_delete WHEN 'CASCADE' THEN 'cascade' ELSE '' END
			FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'`,
		"triggers": `SELECT name || ' ' || tbl_name || ' ' || CASE WHEN sql LIKE '%AFTER INSERT%' THEN 'insert' WHEN sql LIKE '%AFTER DELETE%' THEN 'delete' ELSE 'update' END
			FROM sqlite_master WHERE type = 'trigger'`,
		"language": `SELECT name FROM sqlite_master WHERE FALSE`,
	}
}

func TestOpenRefusesANewerDatabase(t *testing.T) {
	both(t, func(t *testing.T, where string) {
		db := open(t, where)
		if err := db.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)`)); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), where)
		if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "it has migration 99, this one knows up to") {
			t.Fatalf("got %v", err)
		}
		// One that runs since before says so to who asks whether it is ready.
		if err := db.Check(t.Context()); !errors.Is(err, store.ErrNewer) {
			t.Errorf("got %v", err)
		}
	})
}
