package signin_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// wrong is a wrong password, from an address of its own each time.
func (p *person) wrong() error {
	p.addresses++
	return errOf(p.Begin(p.Context(), p.login, "wrong", from(fmt.Sprintf("198.51.100.%d", p.addresses))))
}

func TestAnAccountWaits(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	for range signin.AccountTries - 1 {
		h.is(p.wrong(), signin.ErrRefused)
	}
	p.signIn() // ends the count
	for range signin.AccountTries {
		h.is(p.wrong(), signin.ErrRefused)
	}
	e := h.last(systemlog.AccountLock)
	if e.Severity != systemlog.Warn || e.Detail["misses"] != "5" || e.Detail["wait_seconds"] != "60" || e.Targets[0].AlternateID != amy {
		t.Errorf("%+v", e)
	}
	for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		wait *= time.Minute
		h.throttled(p.wrong(), wait)
		h.throttled(errOf(h.Begin(h.Context(), amy, phrase, desk())), wait) // right, and not compared
		h.pass(wait - time.Second)
		h.throttled(p.wrong(), time.Second)
		h.pass(time.Second)
		h.is(p.wrong(), signin.ErrRefused)
	}
	h.pass(time.Hour)
	p.signIn()
	h.is(p.wrong(), signin.ErrRefused)
	h.must(errOf(h.Begin(h.Context(), amy, phrase, desk())))
}

// TestTheSecondFactorWaitsToo: who has the password cannot guess codes by
// beginning again and again.
func TestTheSecondFactorWaitsToo(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	for range signin.AccountTries {
		h.is(errOf(h.WithTOTP(h.Context(), p.begin(), "000000", desk())), signin.ErrRefused)
	}
	h.throttled(errOf(h.Begin(h.Context(), amy, phrase, desk())), signin.FirstWait)
	h.pass(signin.FirstWait)
	// The right password does not begin a wait that a wrong one would have.
	half := p.begin()
	h.must(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())))

	// An open session has the same count.
	x := p.signIn()
	for range signin.AccountTries {
		h.is(errOf(h.ReauthenticateTOTP(h.Context(), x.Token.Text(), "000000", desk())), signin.ErrRefused)
	}
	h.throttled(errOf(h.ReauthenticateTOTP(h.Context(), x.Token.Text(), p.code(), desk())), signin.FirstWait-30*time.Second)
	h.must(errOf(h.Find(h.Context(), x.Token.Text()))) // whom it does not put out
}

// TestNobodysAccountWaitsAlike: a wait does not tell who has an account.
func TestNobodysAccountWaitsAlike(t *testing.T) {
	h := newHouse(t)
	p := &person{house: h, login: "nobody@example.com"}
	for range signin.AccountTries {
		h.is(p.wrong(), signin.ErrRefused)
	}
	h.throttled(p.wrong(), signin.FirstWait)
	p.login = " NOBODY@example.com"
	h.throttled(p.wrong(), signin.FirstWait)
	if e := h.last(systemlog.AccountLock); e.Actor.ID != "unknown" || len(e.Targets) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestAnAddressWaits(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	guess := func(i int, at string) error {
		return errOf(h.Begin(h.Context(), fmt.Sprintf("user%d@example.com", i), "wrong", from(at)))
	}
	for i := range signin.ClientTries - 1 {
		h.is(guess(i, "2001:db8:1:2::7"), signin.ErrRefused)
	}
	h.pass(signin.ClientWindow)
	for i := range signin.ClientTries {
		// A whole /64 is one client's to choose from.
		h.is(guess(100+i, fmt.Sprintf("2001:db8:1:2::%x", i+1)), signin.ErrRefused)
	}
	if e := h.last(systemlog.ClientLimit); e.Client.IPAddress != "2001:db8:1:2::14" || e.Detail["misses"] != "20" || e.Detail["wait_seconds"] != "600" {
		t.Errorf("%+v", e)
	}
	h.throttled(guess(200, "2001:db8:1:2:ffff::1"), signin.ClientWindow)
	h.is(guess(200, "2001:db8:1:3::1"), signin.ErrRefused)
	// Somebody's own right sign-in in between does not end the count.
	at := func(n byte) systemlog.Client { return from(fmt.Sprintf("::ffff:203.0.113.%d", n)) }
	for i := range signin.ClientTries - 1 {
		h.is(guess(300+i, at(9).IPAddress), signin.ErrRefused)
	}
	h.must(errOf(h.Begin(h.Context(), p.login, p.password, at(9))))
	h.is(guess(400, "203.0.113.9"), signin.ErrRefused)
	h.throttled(errOf(h.Begin(h.Context(), p.login, p.password, at(9))), signin.ClientWindow)
	h.must(errOf(h.Begin(h.Context(), p.login, p.password, at(8))))
	h.pass(signin.ClientWindow)
	h.must(errOf(h.Begin(h.Context(), p.login, p.password, at(9))))
	// What is no address is one client.
	for i := range signin.ClientTries {
		h.is(guess(500+i, fmt.Sprintf("made up %d", i)), signin.ErrRefused)
	}
	h.throttled(guess(600, ""), signin.ClientWindow)
}

// TestCountedBeforeCompared: a server that dies while it compares has counted.
func TestCountedBeforeCompared(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	signin.Cheapen(h.Service, func() {
		var n int
		h.must(h.tx(func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM sign_in_failures WHERE failures > 0`).Scan(&n)
		}))
		if n != 2 {
			t.Errorf("%d of the two counters are counted while the password is compared", n)
		}
	})
	h.must(errOf(h.Begin(h.Context(), amy, phrase, desk())))
	var n int
	h.must(h.tx(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM sign_in_failures WHERE failures > 0`).Scan(&n)
	}))
	if n != 0 {
		t.Errorf("%d counters are not taken back", n)
	}
	signin.Cheapen(h.Service, func() { panic("the power went out") })
	for range signin.AccountTries {
		func() {
			defer func() { _ = recover() }()
			_ = p.wrong()
		}()
	}
	h.throttled(p.wrong(), signin.FirstWait)
}

func TestTheCountersAreBounded(t *testing.T) {
	h := newHouse(t)
	signin.KeepCounters(h.Service, 100)
	h.must(h.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
		INSERT INTO sign_in_failures (counter, failures, since, last_at) SELECT 'row ' || i, 1, CAST($1 AS BIGINT) + i, CAST($1 AS BIGINT) + i FROM n`, h.now.Add(-time.Minute).UnixMicro()))
	rows := func() (n int) {
		h.must(h.tx(func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM sign_in_failures`).Scan(&n) }))
		return n
	}
	h.is(errOf(h.Begin(h.Context(), amy, "wrong", desk())), signin.ErrRefused)
	if n := rows(); n != 102 {
		t.Errorf("%d rows", n)
	}
	var oldest string
	h.must(h.tx(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT counter FROM sign_in_failures ORDER BY last_at LIMIT 1`).Scan(&oldest)
	}))
	if oldest != "row 51" {
		t.Errorf("the oldest that is kept is %s", oldest)
	}
	h.pass(24 * time.Hour)
	h.is(errOf(h.Begin(h.Context(), amy, "wrong", desk())), signin.ErrRefused)
	if n := rows(); n != 2 {
		t.Errorf("%d rows a day later", n)
	}
}
