package adminapi

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (s *Server) listLogs(c call) (answer, error) {
	q, err := logQuery(c.URL.Query())
	if err != nil {
		return answer{}, errors.Join(access.Require(c.ctx, access.LogsRead), err)
	}
	found, err := s.Desk.Events(c.ctx, q)
	out := ok(bodies(found, systemlog.Event.Entry))
	if len(found) == q.Limit {
		out.header = s.next(c, strconv.FormatUint(found[len(found)-1].Seq, 10))
	}
	return out, err
}

// logQuery reads Okta's parameters. Of its filters it takes comparisons by eq
// joined by and.
func logQuery(v url.Values) (systemlog.Query, error) {
	q := systemlog.Query{Limit: 100, Words: strings.Fields(v.Get("q"))}
	if err := only(v, "since", "until", "after", "filter", "q", "limit", "sortOrder"); err != nil {
		return q, err
	}
	var err error
	if s := v.Get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > systemlog.MaxLimit {
			return q, invalid(fmt.Sprintf("limit: %q, want 1 to %d", s, systemlog.MaxLimit))
		}
	}
	if s := v.Get("after"); s != "" {
		if q.After, err = strconv.ParseUint(s, 10, 63); err != nil {
			return q, invalid("after: not a cursor of this server")
		}
	}
	switch order := v.Get("sortOrder"); order {
	case "", "ASCENDING":
	case "DESCENDING":
		q.Newest = true
	default:
		return q, invalid(fmt.Sprintf("sortOrder: %q, want ASCENDING or DESCENDING", order))
	}
	if len(q.Words) > 10 || len(v.Get("q")) > 400 {
		return q, invalid("q: at most ten words of 40 characters")
	}
	if err := times(v, &q); err != nil {
		return q, err
	}
	return q, filter(v.Get("filter"), &q)
}

func times(v url.Values, q *systemlog.Query) error {
	for name, into := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		s := v.Get(name)
		if s == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return invalid(fmt.Sprintf("%s: %q is no RFC 3339 time, such as 2026-11-24T09:00:00Z", name, s))
		}
		*into = t
	}
	return nil
}

func filter(text string, q *systemlog.Query) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	term := regexp.MustCompile(`^\s*([A-Za-z.]+)\s+eq\s+"([^"\\]*)"\s*$`)
	fields := map[string]*string{"eventtype": &q.Type, "severity": &q.Severity, "outcome.result": &q.Outcome, "actor.id": &q.ActorID}
	for part := range strings.SplitSeq(text, " and ") {
		m := term.FindStringSubmatch(part)
		if m == nil || fields[strings.ToLower(m[1])] == nil {
			return invalid(`filter: want eventType, severity, outcome.result or actor.id, each as name eq "value", joined by and`)
		}
		*fields[strings.ToLower(m[1])] = m[2]
	}
	return nil
}

func (s *Server) verifyLogs(c call) (answer, error) {
	v, err := s.Desk.VerifyLog(c.ctx)
	return ok(VerdictBody{OK: v.OK, Events: v.Events, Head: v.Head, BadSeq: v.BadSeq, Reason: v.Reason}), err
}

// VerdictBody is what the verification of the chain found.
type VerdictBody struct {
	OK     bool   `json:"ok"`
	Events uint64 `json:"events"`
	Head   string `json:"head"`
	BadSeq uint64 `json:"badSeq,omitempty"`
	Reason string `json:"reason,omitempty"`
}
