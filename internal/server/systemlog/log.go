package systemlog

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Log appends events and reads them back.
type Log struct {
	key []byte
	now func() time.Time
}

// New is a log whose chain is authenticated with key.
func New(key []byte, now func() time.Time) *Log { return &Log{key: key, now: now} }

// Append adds e to the chain within tx, so that an event stands exactly when
// what it tells was committed. An event that names no request is of the one in
// ctx.
func (l *Log) Append(ctx context.Context, tx *sql.Tx, e Event) error {
	var last record
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1`).Scan(&last.seq, &last.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the end of the system log: %w", err)
	}
	if e.Request == "" {
		e.Request = RequestOf(ctx)
	}
	r, err := l.record(e, last.seq+1)
	if err != nil {
		return err
	}
	r.hash = link(l.key, last.hash, r)
	_, err = tx.ExecContext(ctx, `INSERT INTO events (seq, id, published, type, severity, outcome, actor_id, body, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.seq, r.id, r.published, r.kind, r.severity, r.outcome, r.actorID, r.body, r.hash)
	if err != nil {
		return fmt.Errorf("append %s to the system log: %w", e.Type, err)
	}
	return nil
}

func (l *Log) record(e Event, seq uint64) (record, error) {
	if e.Severity == "" {
		e.Severity = Info
	}
	if e.Outcome.Result == "" {
		e.Outcome.Result = Success
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(body{Message: e.Message, Outcome: e.Outcome, Actor: e.Actor, Targets: e.Targets,
		Client: e.Client, Request: e.Request, Detail: e.Detail})
	if err != nil {
		return record{}, fmt.Errorf("encode a %s event: %w", e.Type, err)
	}
	return record{seq: seq, id: store.NewID("evt"), published: l.now().UnixMicro(), kind: e.Type, severity: e.Severity,
		outcome: e.Outcome.Result, actorID: e.Actor.ID, body: strings.TrimSpace(text.String())}, nil
}

// columns are what scan reads, in its order.
const columns = `seq, id, published, type, severity, outcome, actor_id, body, hash`

func scan(s store.Scanner) (r record, err error) {
	err = s.Scan(&r.seq, &r.id, &r.published, &r.kind, &r.severity, &r.outcome, &r.actorID, &r.body, &r.hash)
	return r, err
}

func (r record) event() (Event, error) {
	var b body
	if err := json.Unmarshal([]byte(r.body), &b); err != nil {
		return Event{}, fmt.Errorf("system log entry %d: its body is no JSON: %w", r.seq, err)
	}
	return Event{Seq: r.seq, ID: r.id, Published: time.UnixMicro(r.published).UTC(), Hash: r.hash, Type: r.kind,
		Severity: r.severity, Message: b.Message, Outcome: b.Outcome, Actor: b.Actor, Targets: b.Targets,
		Client: b.Client, Request: b.Request, Detail: b.Detail}, nil
}

// Query picks events. The zero value picks the oldest ones.
type Query struct {
	Since, Until time.Time // published in [Since, Until); zero is no bound
	After        uint64    // only after this Seq, or before it with Newest
	Newest       bool      // newest first
	Type         string
	Severity     string
	Outcome      string
	ActorID      string
	Words        []string         // each must stand in the event, whatever its case
	Filter       *scim.Expression // over Attributes; nil is none
	Limit        int              // 1 to 1000
}

// MaxLimit is the largest Query.Limit.
const MaxLimit = 1000

// Find is the events that q picks. Errors: *scim.RefusedError, or the
// database's.
func (l *Log) Find(ctx context.Context, tx *sql.Tx, q Query) ([]Event, error) {
	where, args, err := q.where()
	if err != nil {
		return nil, err
	}
	order := "ASC"
	if q.Newest {
		order = "DESC"
	}
	rows, err := store.All(ctx, tx, scan, fmt.Sprintf(`SELECT %s FROM events WHERE %s ORDER BY seq %s LIMIT %d`,
		columns, where, order, min(max(q.Limit, 1), MaxLimit)), args...)
	if err != nil {
		return nil, fmt.Errorf("read the system log: %w", err)
	}
	out := make([]Event, 0, len(rows))
	for _, r := range rows {
		e, err := r.event()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (q Query) where() (string, []any, error) {
	terms, args := []string{"1 = 1"}, []any{}
	add := func(wanted bool, term string, arg any) {
		if wanted {
			args = append(args, arg)
			terms = append(terms, fmt.Sprintf(term, len(args)))
		}
	}
	add(!q.Since.IsZero(), "published >= $%d", q.Since.UnixMicro())
	add(!q.Until.IsZero(), "published < $%d", q.Until.UnixMicro())
	add(q.After != 0 && !q.Newest, "seq > $%d", q.After)
	add(q.After != 0 && q.Newest, "seq < $%d", q.After)
	add(q.Type != "", "type = $%d", q.Type)
	add(q.Severity != "", "severity = $%d", q.Severity)
	add(q.Outcome != "", "outcome = $%d", q.Outcome)
	add(q.ActorID != "", "actor_id = $%d", q.ActorID)
	for _, w := range q.Words {
		add(true, `lower(type || ' ' || body) LIKE $%d ESCAPE '\'`, store.Contains(w))
	}
	if q.Filter != nil {
		term, more, err := scim.Where(*q.Filter, Attributes(), len(args)+1)
		if err != nil {
			return "", nil, err
		}
		terms, args = append(terms, term), append(args, more...)
	}
	return strings.Join(terms, " AND "), args, nil
}

// Verdict is what Verify found.
type Verdict struct {
	OK     bool
	Events uint64 // entries read, up to the first that does not fit
	Begins uint64 // how many older ones were removed by the retention
	Head   string // hash of the last entry that fits; keep it elsewhere to notice a cut end
	BadSeq uint64 // the first entry that does not fit; 0 with OK
	Reason string
}

// Verify walks the whole chain. A chain whose end was cut off still fits: only
// a head kept elsewhere shows that.
func (l *Log) Verify(ctx context.Context, tx *sql.Tx) (Verdict, error) {
	begins, hash, bad, err := l.anchor(ctx, tx)
	if err != nil {
		return Verdict{}, err
	}
	if bad {
		return Verdict{Reason: "where the log begins was changed"}, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+` FROM events ORDER BY seq`)
	if err != nil {
		return Verdict{}, fmt.Errorf("read the system log: %w", err)
	}
	defer rows.Close()
	v := Verdict{OK: true, Head: hash, Begins: begins}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return Verdict{}, fmt.Errorf("read the system log: %w", err)
		}
		if reason := l.misfit(v, r); reason != "" {
			return Verdict{Events: v.Events, Begins: v.Begins, Head: v.Head, BadSeq: r.seq, Reason: reason}, nil
		}
		v.Events, v.Head = v.Events+1, r.hash
	}
	return v, rows.Err()
}

func (l *Log) misfit(v Verdict, r record) string {
	switch {
	case r.seq != v.Begins+v.Events+1:
		return fmt.Sprintf("entry %d is missing", v.Begins+v.Events+1)
	case !hmac.Equal([]byte(link(l.key, v.Head, r)), []byte(r.hash)):
		return fmt.Sprintf("entry %d was changed, or the one before it was", r.seq)
	}
	return ""
}
