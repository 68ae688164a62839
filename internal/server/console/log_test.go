package console_test

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// tells appends an event, and lets a minute pass.
func (s *site) tells(e systemlog.Event) {
	s.T.Helper()
	if e.Actor.ID == "" {
		e.Actor = systemlog.System()
	}
	s.Update(func(tx *sql.Tx) error { return s.Log.Append(s.T.Context(), tx, e) })
	s.Pass(time.Minute)
}

// TestTheLogIsNarrowedFollowedAndExported, also where somebody has chosen a text
// that a spreadsheet would run.
func TestTheLogIsNarrowedFollowedAndExported(t *testing.T) {
	s := newSite(t)
	sam := s.admin("sam@example.com", "super-admin")
	began := s.Now()
	s.tells(systemlog.Event{Type: "a.first", Message: "First <b>"})
	s.tells(systemlog.Event{Type: "a.second", Severity: systemlog.Warn, Message: "Second", Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: "=cmd()"}})
	middle := s.Now()
	s.tells(systemlog.Event{Type: "a.third", Severity: systemlog.Error, Message: "Third", Outcome: systemlog.Outcome{Result: systemlog.Failure}})

	at := func(t time.Time) string { return url.QueryEscape(t.UTC().Format("2006-01-02T15:04:05")) }
	sam.get("/log").has("First <b>", "Second", "Third")
	sam.get("/log?severity=WARN&q=second").has("Second").hasNot("First", "Third")
	sam.get("/log?outcome=DENY").has("Second").hasNot("First", "Third")
	sam.get("/log?since="+at(began)+"&until="+at(middle)).has("First", "Second").hasNot("Third")
	sam.get("/log?since=yesterday").is(400)
	sam.get("/log?since=yesterday").has("From is no time")

	page := sam.get("/log?type=a.third")
	last := regexp.MustCompile(`data-last="(\d+)"`).FindStringSubmatch(page.body)[1]
	s.tells(systemlog.Event{Type: "a.third", Message: "Third again <i>"})
	s.tells(systemlog.Event{Type: "a.other", Message: "Other"})
	var news struct{ Last, Rows string }
	if err := json.Unmarshal([]byte(sam.get("/log/newer?type=a.third&after="+last).body), &news); err != nil || !strings.Contains(news.Rows, "Third again &lt;i&gt;") || strings.Contains(news.Rows, "Other") {
		t.Errorf("%v: %+v", err, news)
	}
	if err := json.Unmarshal([]byte(sam.get("/log/newer?type=a.third&after="+news.Last).body), &news); err != nil || news.Rows != "" {
		t.Errorf("%v: %+v", err, news)
	}

	lines := strings.Split(strings.TrimSpace(sam.get("/log/export?format=jsonl&type=a.third").body), "\n")
	var first systemlog.Entry
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.DisplayMessage != "Third" || len(lines) != 2 {
		t.Errorf("%v: %d lines, first %+v", err, len(lines), first)
	}
	table, err := csv.NewReader(strings.NewReader(sam.get("/log/export?format=csv&type=a.second").body)).ReadAll()
	if err != nil || len(table) != 2 || table[1][2] != "a.second" || table[1][5] != "'=cmd()" {
		t.Errorf("%v: %q", err, table)
	}
	sam.get("/log/export?format=xls").is(400)
	sam.get("/log/export?format=csv&until=never").is(400)
	if n := len(s.Events(systemlog.LogExport)); n != 2 {
		t.Errorf("%d exports are in the log", n)
	}
}

// TestALongExportIsWhole, page by page, up to the moment that it was asked for.
func TestALongExportIsWhole(t *testing.T) {
	s := newSite(t)
	sam := s.admin("sam@example.com", "super-admin")
	s.Update(func(tx *sql.Tx) error {
		for range 2300 {
			if err := s.Log.Append(t.Context(), tx, systemlog.Event{Type: "a.b", Message: "M", Actor: systemlog.System()}); err != nil {
				return err
			}
		}
		return nil
	})
	if n := strings.Count(sam.get("/log/export?format=jsonl&type=a.b").body, "\n"); n != 2300 {
		t.Errorf("%d lines", n)
	}
}

func TestTheChainIsVerified(t *testing.T) {
	s := newSite(t)
	sam := s.admin("sam@example.com", "super-admin")
	s.tells(systemlog.Event{Type: "a.first", Message: "First"})
	sam.post("/log/verify", nil).has("events fit", "keep it elsewhere")
	s.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE events SET outcome = 'DENY' WHERE type = 'a.first'`)
		return err
	})
	sam.post("/log/verify", nil).has("does not fit").hasNot("keep it elsewhere")
}
