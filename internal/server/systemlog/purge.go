package systemlog

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// purgeMost is how many events one call removes, so that no transaction keeps
// check-ins waiting for long.
const purgeMost = 5000

// Purge removes the oldest events, those published before that time, up to 5000
// of them, and keeps where the chain then begins. The newest event stays, so
// that the chain goes on. It returns how many were removed, and tells of them
// by an event.
func (l *Log) Purge(ctx context.Context, tx *sql.Tx, before time.Time) (int, error) {
	last, removed, err := l.old(ctx, tx, before)
	if err != nil || removed == 0 {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM events WHERE seq <= $1`, last.seq); err != nil {
		return 0, fmt.Errorf("remove old events: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO log_anchor (id, seq, hash, mac) VALUES (1, $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, mac = excluded.mac`, last.seq, last.hash, l.anchorMAC(last.seq, last.hash))
	if err != nil {
		return 0, fmt.Errorf("keep where the system log begins: %w", err)
	}
	return removed, l.Append(ctx, tx, Event{Type: LogPurge, Message: "Events older than the retention were removed", Actor: System(),
		Detail: map[string]string{"removed": strconv.Itoa(removed), "lastSeq": strconv.FormatUint(last.seq, 10)}})
}

// old is the last event that may go, and how many go with it. The times of
// events do not always rise: what counts is the first one that has to stay.
func (l *Log) old(ctx context.Context, tx *sql.Tx, before time.Time) (last record, n int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, hash, published FROM events ORDER BY seq LIMIT $1`, purgeMost+1)
	if err != nil {
		return last, 0, fmt.Errorf("read the oldest events: %w", err)
	}
	defer rows.Close()
	var ahead *record
	for rows.Next() {
		var r record
		if err := rows.Scan(&r.seq, &r.hash, &r.published); err != nil {
			return last, 0, fmt.Errorf("read the oldest events: %w", err)
		}
		// The one before goes when there is another behind it.
		if ahead != nil {
			last, n = *ahead, n+1
		}
		if r.published >= before.UnixMicro() {
			return last, n, nil
		}
		ahead = &r
	}
	return last, n, rows.Err()
}

func (l *Log) anchorMAC(seq uint64, hash string) string {
	mac := hmac.New(sha256.New, l.key)
	fmt.Fprintf(mac, "anchor\x00%d\x00%s", seq, hash)
	return hex.EncodeToString(mac.Sum(nil))
}

// anchor is what the first event that is left follows: nothing, or the last one
// that was removed. bad says that somebody else has written it.
func (l *Log) anchor(ctx context.Context, tx *sql.Tx) (seq uint64, hash string, bad bool, err error) {
	var mac string
	err = tx.QueryRowContext(ctx, `SELECT seq, hash, mac FROM log_anchor WHERE id = 1`).Scan(&seq, &hash, &mac)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", false, nil
	}
	if err != nil {
		return 0, "", false, fmt.Errorf("read where the system log begins: %w", err)
	}
	return seq, hash, !hmac.Equal([]byte(mac), []byte(l.anchorMAC(seq, hash))), nil
}
