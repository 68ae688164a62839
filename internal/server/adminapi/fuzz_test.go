package adminapi_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
)

// FuzzRequest sends an administrator's requests to every route of a real org:
// whatever stands in path, query and body, the server does not fail, and what
// it refuses it says as the API's errors do.
func FuzzRequest(f *testing.F) {
	org := servertest.New(f)
	api := &adminapi.Server{Desk: &desk.Desk{DB: org.DB, Log: org.Log, Book: org.Book, Challenges: org.Challenges, Factors: org.Factors, Accounts: org.Administrators(), Now: org.Now}, DB: org.DB, Zap: zap.NewNop(), Now: org.Now, PublicURL: "https://mfa.example.com"}
	handler, routes, token := api.Handler(), api.Routes(), ""
	org.Update(func(tx *sql.Tx) (err error) {
		token, _, err = access.Create(f.Context(), tx, access.Caller{Name: "fuzz", Login: "fuzz@example.com", Role: access.SuperAdmin}, org.Now(), time.Time{})
		return err
	})
	for n := range routes {
		f.Add(uint8(n), "dev1", "limit=5&after=x", []byte(`{"reason":"lost phone"}`))
	}
	f.Add(uint8(0), "..", "q=%25", []byte(`{"ids":["a"],"serialNumbers":["C02A"]}`))
	f.Add(uint8(4), "a b/ü", "since=2026-11-24T09:00:00Z&until=x&sortOrder=UP", []byte(`{"profile":{"login":"a@b.c"}}`))
	f.Add(uint8(9), "\x00", "a=b;c", []byte(`{}{}`))
	f.Fuzz(func(t *testing.T, route uint8, id, query string, body []byte) {
		method, path, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		for strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + url.PathEscape(id) + after
		}
		req := httptest.NewRequest(method, "/", strings.NewReader(string(body)))
		if req.URL.Path, req.URL.RawPath = unescaped(path), path; req.URL.Path == "" {
			return
		}
		req.URL.RawQuery = query
		req.Header.Set("Authorization", "SSWS "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		switch {
		case w.Code >= 500:
			t.Errorf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
		case w.Code >= 400:
			var e struct{ ErrorCode, ErrorSummary string }
			if json.Unmarshal(w.Body.Bytes(), &e) != nil || e.ErrorSummary == "" {
				t.Errorf("%s %s: %d without the API's error: %s", method, path, w.Code, w.Body)
			}
		case w.Code != http.StatusNoContent && w.Code < 300 && !json.Valid(w.Body.Bytes()):
			t.Errorf("%s %s: %d with %s", method, path, w.Code, w.Body)
		}
	})
}

func unescaped(path string) string {
	out, err := url.PathUnescape(path)
	if err != nil {
		return ""
	}
	return out
}
