package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// logPage is how many events a page of the log shows, or one look for newer ones
// brings.
const logPage = 50

// logFilter is what a page of the log is narrowed to, as it was typed.
type logFilter struct {
	Type, Words, Severity, Outcome, Since, Until string
}

func filterOf(r *request) logFilter {
	field := func(name string) string { return strings.TrimSpace(cut(r.FormValue(name), maxQuery)) }
	return logFilter{Type: field("type"), Words: field("q"), Severity: field("severity"), Outcome: field("outcome"), Since: field("since"), Until: field("until")}
}

// values is the filter in an address.
func (f logFilter) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"type": f.Type, "q": f.Words, "severity": f.Severity, "outcome": f.Outcome, "since": f.Since, "until": f.Until} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}

// query reads the filter. What is wrong is for the person to read.
func (f logFilter) query() (q systemlog.Query, wrong string) {
	q = systemlog.Query{Type: f.Type, Words: strings.Fields(f.Words), Severity: f.Severity, Outcome: f.Outcome}
	for name, into := range map[string]*time.Time{"From": &q.Since, "Before": &q.Until} {
		text := map[string]string{"From": f.Since, "Before": f.Until}[name]
		if text == "" {
			continue
		}
		at, err := moment(text)
		if err != nil {
			return q, name + " is no time. Write it like 2026-11-24 09:00; times are UTC."
		}
		*into = at
	}
	return q, ""
}

// moment is a time in UTC, as people and browsers write it.
func moment(text string) (at time.Time, err error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return at, err
}

// log is the System Log, the newest first.
func (c *Console) log(r *request) (view, error) { return c.logView(r, nil) }

func (c *Console) logView(r *request, verdict *systemlog.Verdict) (view, error) {
	f := filterOf(r)
	q, wrong := f.query()
	q.Newest, q.Limit, q.After = true, logPage, number(r.FormValue("before"))
	found, err := c.Desk.Events(r.ctx, q)
	if err != nil {
		return view{}, err
	}
	if wrong != "" {
		found = nil
	}
	data := map[string]any{"Filter": f, "Events": eventRows(found), "Verdict": verdict, "Last": uint64(0), "Query": f.values().Encode(),
		"Severities": []string{systemlog.Info, systemlog.Warn, systemlog.Error}, "Outcomes": []string{systemlog.Success, systemlog.Failure, systemlog.Denied}}
	if len(found) > 0 {
		data["Last"] = found[0].Seq
	}
	if len(found) == logPage {
		v := f.values()
		v.Set("before", strconv.FormatUint(found[logPage-1].Seq, 10))
		data["Next"] = "/log?" + v.Encode()
	}
	v := view{name: "log", title: "System Log", section: "log", data: data, wrong: wrong, scripts: []string{"log.js"}}
	if wrong != "" {
		v.status = 400
	}
	return v, nil
}

// newer is what has happened after an event, for the script that follows the
// log: the rows as HTML, and the last of them.
func (c *Console) newer(r *request) (view, error) {
	q, wrong := filterOf(r).query()
	q.Limit, q.After = logPage, number(r.FormValue("after"))
	found, err := c.Desk.Events(r.ctx, q)
	if err != nil {
		return view{}, err
	}
	last, rows := q.After, bytes.Buffer{}
	if len(found) > 0 && wrong == "" {
		last = found[len(found)-1].Seq
		newestFirst := eventRows(found)
		for i, j := 0, len(newestFirst)-1; i < j; i, j = i+1, j-1 {
			newestFirst[i], newestFirst[j] = newestFirst[j], newestFirst[i]
		}
		if err := c.pages.ExecuteTemplate(&rows, "event-rows", newestFirst); err != nil {
			return view{}, fmt.Errorf("draw newer events: %w", err)
		}
	}
	raw, err := json.Marshal(map[string]any{"last": strconv.FormatUint(last, 10), "rows": rows.String()})
	return view{raw: raw}, err
}

// verifyLog walks the chain.
func (c *Console) verifyLog(r *request) (view, error) {
	verdict, err := c.Desk.VerifyLog(r.ctx)
	if err != nil {
		return view{}, err
	}
	return c.logView(r, &verdict)
}

// exportLog is what the filter picks as a file, the oldest first.
func (c *Console) exportLog(r *request) (view, error) {
	q, wrong := filterOf(r).query()
	if wrong != "" {
		return view{}, &problem{400, "No export", wrong}
	}
	format, known := systemlog.FormatNamed(r.FormValue("format"))
	if !known {
		return view{}, &problem{400, "No export", "There are exports as jsonl and as csv."}
	}
	export, err := c.Desk.ExportEvents(r.ctx, q)
	if err != nil {
		return view{}, err
	}
	return view{file: &download{Name: "system-log." + format.Name, Kind: format.Kind, Stream: func(w io.Writer) error { return export(format.To(w)) }}}, nil
}
