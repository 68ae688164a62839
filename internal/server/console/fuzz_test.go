package console

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzNext: whatever somebody puts behind next=, the console sends nobody to
// another site.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/", "/devices?q=x", "//evil.example", "/\\evil.example", "https://evil.example", "/sign-out", "/a\r\nSet-Cookie: x", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		to := next(asked)
		u, err := url.Parse(to)
		if to != "/" && (to != asked || err == nil && (u.Host != "" || u.Scheme != "")) || !strings.HasPrefix(to, "/") {
			t.Errorf("%q leads to %q", asked, to)
		}
		w := httptest.NewRecorder()
		w.Header().Set("Location", to)
		if at := w.Result().Header.Get("Location"); strings.HasPrefix(at, "//") {
			t.Errorf("%q leads to %q", asked, at)
		}
	})
}

// FuzzNumber: a number comes back as it was written, and anything else is 0.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1", " 60 ", "-1", "1e3", "99999999999999999999", "0x10", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n := number(text); n != 0 && strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(text), "+"), "0") != strconv.FormatUint(n, 10) {
			t.Errorf("%q is %d", text, n)
		}
	})
}

// FuzzPolicy: what a Mac reports of its policy is listed or passed over.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{`{"A":{"value":1,"origin":"forced"}}`, `{"A":1}`, `[]`, ``, `{"A":{"value":{"b":["c"]}}}`, `{"A":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list := policyRows(raw)
		if !slices.IsSortedFunc(list, func(a, b setting) int { return strings.Compare(a.Key, b.Key) }) {
			t.Errorf("out of order: %q", list)
		}
	})
}

// FuzzMoment: what is taken for a time is one that the page can write again.
func FuzzMoment(f *testing.F) {
	f.Add("2026-11-24T09:00")
	f.Add("2026-11-24 09:00:59")
	f.Add("24.11.2026")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := moment(text)
		if err != nil {
			return
		}
		if again, err := moment(at.Format("2006-01-02 15:04:05")); err != nil || !again.Equal(at.Truncate(time.Second)) {
			t.Errorf("%q is %v, and then %v, %v", text, at, again, err)
		}
	})
}
