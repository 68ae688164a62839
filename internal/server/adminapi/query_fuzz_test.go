package adminapi

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// FuzzLogQuery: a query of the log is within its bounds, or a refusal with
// status 400. What it filters by was asked for.
func FuzzLogQuery(f *testing.F) {
	for _, seed := range []string{
		`since=2026-11-24T09:00:00Z&until=2026-11-25T09:00:00.5%2B01:00&limit=1000&sortOrder=DESCENDING`,
		`filter=eventType%20eq%20"device.desktop_mfa.login.allow"%20and%20severity%20eq%20"INFO"`,
		`filter=eventType%20eq%20"x"%20or%20actor.id%20eq%20"y"`, `q=one+two&after=7`, `after=-1`, `limit=0`, `colour=grey`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := logQuery(v)
		if err != nil {
			mustBeBadRequest(t, err)
		} else if q.Limit < 0 || q.Limit > systemlog.MaxLimit || len(q.Words) > 10 {
			t.Errorf("%q is %+v", raw, q)
		} else if v.Get("filter") == "" && q.Filter != nil {
			t.Errorf("%q filters by %+v", raw, q)
		}
		p, err := page(v, directory.MaxPage)
		if err != nil {
			mustBeBadRequest(t, err)
		} else if p.Limit < 1 || p.Limit > directory.MaxPage || len(p.After) > maxQuery {
			t.Errorf("%q is %+v", raw, p)
		}
	})
}

func mustBeBadRequest(t *testing.T, err error) {
	t.Helper()
	var refusal *apierror.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest {
		t.Errorf("%T: %v", err, err)
	}
}
