package adminapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// logDays is how far back a list of events goes that says nothing of it, as in
// Okta's description.
const logDays = 7

func (s *Server) listLogs(c call) (answer, error) {
	v := c.URL.Query()
	q, err := logQuery(v)
	if err != nil {
		return answer{}, refuse(c, access.LogsRead, err)
	}
	if q.Since.IsZero() && q.After == 0 {
		until := q.Until
		if until.IsZero() {
			until = s.Now()
		}
		q.Since = until.AddDate(0, 0, -logDays)
	}
	var found []systemlog.Event
	if q.Limit == 0 {
		err = access.Require(c.ctx, access.LogsRead)
	} else {
		found, err = s.Desk.Events(c.ctx, q)
	}
	out := ok(bodies(found, systemlog.Event.Entry))
	out.header = s.links(c, nextEvents(q, found))
	return out, named("filter", err)
}

// nextEvents is the cursor to go on from; "" where the list is at its end. One
// that follows the log, without an end and the oldest first, has none: it is
// asked again, as Okta's is.
func nextEvents(q systemlog.Query, found []systemlog.Event) string {
	follows := q.Until.IsZero() && !q.Newest
	switch {
	case len(found) > 0 && (follows || len(found) == q.Limit):
		return strconv.FormatUint(found[len(found)-1].Seq, 10)
	case follows && q.After != 0:
		return strconv.FormatUint(q.After, 10)
	}
	return ""
}

// logQuery reads Okta's parameters.
func logQuery(v url.Values) (systemlog.Query, error) {
	q := systemlog.Query{Limit: 100, Words: strings.Fields(v.Get("q"))}
	if err := only(v, "since", "until", "after", "filter", "q", "limit", "sortOrder"); err != nil {
		return q, err
	}
	var err error
	if s := v.Get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 0 || q.Limit > systemlog.MaxLimit {
			return q, invalid(fmt.Sprintf("limit: %q, want 0 to %d", s, systemlog.MaxLimit))
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
	e, err := expression("filter", text)
	if err != nil {
		return err
	}
	// What cannot be asked for is told before the database is.
	_, _, err = scim.Where(e, systemlog.Attributes(), 1)
	q.Filter = &e
	return named("filter", err)
}

// exportLogs is all that a filter picks, as a file: the oldest first, up to the
// event of the export itself.
func (s *Server) exportLogs(c call) (answer, error) {
	v := c.URL.Query()
	format, known := systemlog.FormatNamed(v.Get("format"))
	v.Del("format")
	q, err := logQuery(v)
	switch {
	case err == nil && !known:
		err = invalid("format: want jsonl or csv")
	case err == nil:
		for _, name := range []string{"limit", "after", "sortOrder"} {
			if v.Has(name) {
				err = invalid(name + ": an export is whole, the oldest first")
			}
		}
	}
	if err != nil {
		return answer{}, refuse(c, access.LogsRead, err)
	}
	export, err := s.Desk.ExportEvents(c.ctx, q)
	return answer{status: http.StatusOK, kind: format.Kind, stream: func(w io.Writer) error { return export(format.To(w)) },
		header: http.Header{"Content-Disposition": {`attachment; filename="system-log.` + format.Name + `"`}}}, err
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
