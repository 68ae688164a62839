package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Waits after wrong tries.
const (
	AccountTries = 5                // wrong ones in a row, then the account waits
	FirstWait    = time.Minute      // doubled by each further one
	LongestWait  = time.Hour        // at most
	ClientTries  = 20               // wrong ones from one address within ClientWindow, then it waits
	ClientWindow = 10 * time.Minute // and is as long as that wait
	forgetAfter  = 24 * time.Hour   // without a wrong try, and not waiting any more
	maxCounters  = 100_000          // rows; beyond that the oldest go
)

// ThrottledError is a try that came too early. Nothing was compared.
type ThrottledError struct {
	Wait time.Duration // how long still
}

// Error names the wait in whole seconds.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many wrong tries: wait %d seconds", int((e.Wait+time.Second-1)/time.Second))
}

// counter is a row of sign_in_failures.
type counter struct {
	key         string
	failures    int
	since, last time.Time
	until       time.Time // zero: no wait
}

// oneMore counts a try on an account: the fifth and each one after it waits.
func oneMore(c counter, now time.Time) counter {
	c.failures++
	if c.failures >= AccountTries {
		c.until = now.Add(waitAfter(c.failures))
	}
	return c
}

// waitAfter is the account's wait after so many wrong tries.
func waitAfter(failures int) time.Duration {
	// Seven doublings are more than the longest wait.
	return min(FirstWait<<min(max(failures-AccountTries, 0), 7), LongestWait)
}

// oneMoreFrom counts a try from an address, within a window.
func oneMoreFrom(c counter, now time.Time) counter {
	if now.Sub(c.since) >= ClientWindow {
		c.failures, c.since = 0, now
	}
	c.failures++
	if c.failures >= ClientTries {
		c.until = now.Add(ClientWindow)
	}
	return c
}

// counted is one try in one counter, before and after.
type counted struct{ before, after counter }

// locked: this try was the one after which it waits.
func (c counted) locked() bool { return !c.after.until.Equal(c.before.until) }

// count counts a try before anything is compared: a crash, or a caller that
// hangs up, must not give a free one. The caller commits it, and takes it back
// when the try was right. The error is a *ThrottledError, or the database's.
func (s *Service) count(ctx context.Context, tx *sql.Tx, account string, client systemlog.Client) (tries [2]counted, err error) {
	now := s.now()
	if err := s.forget(ctx, tx, now); err != nil {
		return tries, err
	}
	keys := [2]string{s.digest(digestClient, place(client.IPAddress)), account}
	for i, more := range []func(counter, time.Time) counter{oneMoreFrom, oneMore} {
		before, err := loadCounter(ctx, tx, keys[i], now)
		if err != nil {
			return tries, err
		}
		if wait := before.until.Sub(now); wait > 0 {
			return tries, &ThrottledError{Wait: wait}
		}
		tries[i] = counted{before, more(before, now)}
	}
	for _, c := range tries {
		if err := saveCounter(ctx, tx, c.after, now); err != nil {
			return tries, err
		}
	}
	return tries, nil
}

// place is where a client is, as far as it can choose its address freely: with
// IPv6 a whole network of its own.
func place(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	network, err := a.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}

func loadCounter(ctx context.Context, tx *sql.Tx, key string, now time.Time) (counter, error) {
	c := counter{key: key}
	var since, last, until sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT failures, since, last_at, wait_until FROM sign_in_failures WHERE counter = $1`, key).Scan(&c.failures, &since, &last, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return counter{key: key, since: now, last: now}, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the wrong tries: %w", err)
	}
	c.since, c.last, c.until = store.Time(since), store.Time(last), store.Time(until)
	return c, nil
}

func saveCounter(ctx context.Context, tx *sql.Tx, c counter, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sign_in_failures (counter, failures, since, last_at, wait_until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (counter) DO UPDATE SET failures = excluded.failures, since = excluded.since, last_at = excluded.last_at, wait_until = excluded.wait_until`,
		c.key, c.failures, store.Micros(c.since), store.Micros(now), store.Micros(c.until))
	if err != nil {
		return fmt.Errorf("count a try: %w", err)
	}
	return nil
}

// forget bounds the table.
func (s *Service) forget(ctx context.Context, tx *sql.Tx, now time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM sign_in_failures WHERE last_at <= $1 OR last_at < (
		SELECT min(last_at) FROM (SELECT last_at FROM sign_in_failures ORDER BY last_at DESC LIMIT $2) AS kept)`,
		store.Micros(now.Add(-forgetAfter)), s.counters)
	if err != nil {
		return fmt.Errorf("forget old tries: %w", err)
	}
	return nil
}

// takeBack makes a right try uncounted, with the wait that it brought; not the
// wrong ones before it, nor one that came while it was looked at.
func (s *Service) takeBack(ctx context.Context, tx *sql.Tx, tries [2]counted) error {
	for _, c := range tries {
		_, err := tx.ExecContext(ctx, `UPDATE sign_in_failures SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END,
			wait_until = CASE WHEN wait_until = $2 THEN $3 ELSE wait_until END WHERE counter = $1`,
			c.after.key, store.Micros(c.after.until), store.Micros(c.before.until))
		if err != nil {
			return fmt.Errorf("take a try back: %w", err)
		}
	}
	return nil
}

// accountKey names an account's counter, whether or not there is such an
// account: a wait must not tell who has one.
func (s *Service) accountKey(login string) string { return s.digest(digestAccount, store.Fold(login)) }

// pardon ends the account's wait and its count, after a whole sign-in.
func (s *Service) pardon(ctx context.Context, tx *sql.Tx, login string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_failures WHERE counter = $1`, s.accountKey(login)); err != nil {
		return fmt.Errorf("end the wait of an account: %w", err)
	}
	return nil
}
