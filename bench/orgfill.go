package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// words are how each database says what the filling needs: numbers from 1 to $1
// as n(i), a number as seven digits, and tables that are filled without their
// triggers, which would each look for what is known here.
type words struct {
	numbers, digits string
	quiet, loud     []string
}

func wordsOf(where string) words {
	if store.OnServer(where) {
		return words{numbers: `WITH n(i) AS (SELECT generate_series(1, $1::bigint))`, digits: `lpad(CAST(%s AS text), 7, '0')`,
			quiet: []string{`SET LOCAL session_replication_role = replica`}}
	}
	return words{numbers: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)`, digits: `printf('%%07d', %s)`,
		quiet: []string{`CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'recovery_secrets'`,
			`DROP TRIGGER secrets_first`}}
}

// fill makes Macs in the way in which check-ins leave them: each with one
// account of a user of the org, and one that is the second's of every other Mac
// or of a local administrator; each governed account with a recovery secret. What
// one check-in brings lies together.
func fill(ctx context.Context, where string, macs int, now int64) (err error) {
	db, err := plain(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	w := wordsOf(where)
	triggers, err := quiet(ctx, tx, w)
	if err == nil {
		err = names(ctx, tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	for _, statement := range statements(w) {
		if _, err := tx.ExecContext(ctx, statement, macs, now); err != nil {
			return errors.Join(fmt.Errorf("fill: %w: %.80s", err, statement), tx.Rollback())
		}
	}
	for _, statement := range append(triggers, `DROP TABLE person_names`) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(fmt.Errorf("fill: %w: %.80s", err, statement), tx.Rollback())
		}
	}
	return tx.Commit()
}

// plain is a connection with nothing of the server's: an SQLite file is filled
// with much memory, and without a wait for the disk.
func plain(where string) (*sql.DB, error) {
	if store.OnServer(where) {
		return sql.Open("pgx", where)
	}
	db, err := sql.Open("sqlite", "file:"+where+"?_pragma=cache_size(-2000000)&_pragma=synchronous(0)&_pragma=temp_store(2)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// quiet takes the triggers away, and returns what brings them back.
func quiet(ctx context.Context, tx *sql.Tx, w words) (triggers []string, err error) {
	for _, statement := range w.quiet {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(strings.Join(w.quiet, ""), "kept") {
		return nil, nil
	}
	triggers, err = store.All(ctx, tx, func(s store.Scanner) (text string, err error) { return text, s.Scan(&text) },
		`SELECT sql FROM temp.kept WHERE sql LIKE '%secrets_first%'`)
	return append(triggers, `DROP TABLE temp.kept`), err
}

// manyNames is how many different names there are of each kind.
const manyNames = 2000

// names are made up, and spread as names are: some begin alike.
func names(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `CREATE TABLE person_names (k BIGINT PRIMARY KEY, first TEXT NOT NULL, last TEXT NOT NULL)`); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for k := range manyNames {
		if _, err := tx.ExecContext(ctx, `INSERT INTO person_names (k, first, last) VALUES ($1, $2, $3)`, k, name(random), name(random)); err != nil {
			return err
		}
	}
	return nil
}

func name(random *rand.Rand) string {
	syllables := strings.Fields("ba be bi da de do fa fe ga go ha he ja jo ka ke ki la le li lo ma me mi mo na ne ni no pa pe ra re ri ro sa se si ta te ti to va ve wa we ya zo")
	var b strings.Builder
	for range 2 + random.IntN(3) {
		b.WriteString(syllables[random.IntN(len(syllables))])
	}
	return strings.ToUpper(b.String()[:1]) + b.String()[1:]
}

// statements fill one table each. person(i) is somebody's names by number.
func statements(w words) []string {
	const tables = `
INSERT INTO users (id, login, login_key, email, first_name, last_name, search_key, status, created_at, updated_at)
	{numbers} SELECT 'usr' || {i}, {login}, {login}, {login}, f.first, l.last,
		{login} || {newline} || {login} || {newline} || lower(f.first) || ' ' || lower(l.last), 'ACTIVE', $2, $2 FROM n {person};
INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, name_key, model, os, agent, zone, search_key, status, trust, certificate, claim,
		token_hash, token_old_hash, last_seq, last_answer, seen_at, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors,
		policy_effective, secret_oldest_at, created_at, updated_at)
	{numbers} SELECT 'dev' || {i}, 'udid-c02' || {i}, 'c02' || {i}, 'UDID-C02' || {i}, 'C02' || {i}, f.first || 's-Mac-' || {i}, lower(f.first) || 's-mac-' || {i}, 'Mac15,3', '15.1', '0.1.0', 'UTC',
		'c02' || {i} || {newline} || lower(f.first) || 's-mac-' || {i} || {newline} || 'udid-c02' || {i}, 'ACTIVE', CASE WHEN i % 1000 = 0 THEN 'UNVERIFIED' ELSE 'BOUND' END, '', '',
		'', '', 0, '', $2, 'anchored', 'armed', 'ok', FALSE, 'good', '', '', '{}', $2, $2, $2 FROM n {person};
INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key, prelink, prelink_key, search_key, factors,
		secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
	{numbers} SELECT 'osaA' || {i}, 'dev' || {i}, 'A-' || {i}, 501, lower(f.first), f.first || ' ' || l.last, TRUE, FALSE, {login}, {login}, '', '',
		lower(f.first) || {newline} || lower(f.first) || ' ' || lower(l.last) || {newline} || {login} || {newline}, '[]', 'current', 1, '', 0, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM n {person}
	UNION ALL SELECT 'osaB' || {i}, 'dev' || {i}, 'B-' || {i}, 502, CASE WHEN i % 2 = 0 THEN lower(l.last) ELSE 'ladmin' END, CASE WHEN i % 2 = 0 THEN l.last || ' ' || f.first ELSE 'Local Admin' END,
		i % 2 = 0, i % 2 = 1, '', '', '', '', CASE WHEN i % 2 = 0 THEN lower(l.last) || {newline} || lower(l.last) || ' ' || lower(f.first) ELSE 'ladmin' || {newline} || 'local admin' END || {newline} || {newline},
		'[]', CASE WHEN i % 2 = 0 THEN 'current' ELSE 'none' END, 1, '', 0, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM n {person}
	ORDER BY 2, 1;
INSERT INTO account_names (part, account_id) {numbers} SELECT lower(f.first) || ' ' || lower(l.last), 'osaA' || {i} FROM n {person} WHERE $2 > CAST(0 AS BIGINT);
INSERT INTO account_names (part, account_id) {numbers} SELECT lower(l.last), 'osaA' || {i} FROM n {person} WHERE $2 > CAST(0 AS BIGINT);
INSERT INTO account_names (part, account_id) {numbers} SELECT CASE WHEN i % 2 = 0 THEN lower(l.last) || ' ' || lower(f.first) ELSE 'local admin' END, 'osaB' || {i} FROM n {person} WHERE $2 > CAST(0 AS BIGINT);
INSERT INTO account_names (part, account_id) {numbers} SELECT CASE WHEN i % 2 = 0 THEN lower(f.first) ELSE 'admin' END, 'osaB' || {i} FROM n {person} WHERE $2 > CAST(0 AS BIGINT);
INSERT INTO recovery_secrets (account_id, generation, key_id, sealed, proven, confirmed_at, last_issued_s)
	{numbers} SELECT * FROM (SELECT 'osaA' || {i} AS account, 1, '', '', TRUE, CAST($2 AS BIGINT), 0 FROM n
	UNION ALL SELECT 'osaB' || {i}, 1, '', '', TRUE, CAST($2 AS BIGINT), 0 FROM n WHERE i % 2 = 0) AS both_kinds ORDER BY substr(account, 5)`
	i := fmt.Sprintf(w.digits, "i")
	text := strings.NewReplacer("{numbers}", w.numbers, "{i}", i, "{login}", `lower(f.first) || '.' || lower(l.last) || `+i+` || '@example.com'`, "{newline}", `'`+"\n"+`'`,
		"{person}", fmt.Sprintf(`JOIN person_names f ON f.k = i %% %d JOIN person_names l ON l.k = (i * 7919 / %d) %% %d`, manyNames, manyNames, manyNames)).Replace(tables)
	return strings.Split(text, ";")
}

// settle lets PostgreSQL count what it holds, as it does by itself within a day.
// SQLite does not.
func settle(ctx context.Context, where string) (err error) {
	if !store.OnServer(where) {
		return nil
	}
	db, err := plain(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `VACUUM ANALYZE`)
	return err
}
