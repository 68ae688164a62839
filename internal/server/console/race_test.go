package console_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Two people at the help desk take the same call: each reads out a PIN of its
// own, and the log has both.
func TestTwoGenerateAtOnce(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	desk := []*browser{s.admin("sam@example.com", access.HelpDeskAdmin), s.admin("kim@example.com", access.HelpDeskAdmin)}
	pages := make([]answer, 8)
	var group sync.WaitGroup
	for i := range pages {
		group.Go(func() { pages[i] = desk[i%2].post(m.ofAmy("/pin"), asks("reason", "call "+itoa(int64(i)))) })
	}
	group.Wait()
	seen := map[string]bool{}
	for _, p := range pages {
		pin := pinOn(p.is(200))
		if seen[pin] {
			t.Errorf("the PIN %s was read out twice", pin)
		}
		seen[pin] = true
	}
	if n := len(s.Events(systemlog.PINGenerate)); n != len(pages) {
		t.Errorf("%d events for %d PINs", n, len(pages))
	}
}

// Two decide at once: one has decided, the other is told so, and nothing is
// done twice.
func TestTwoDecideAtOnce(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	boss := []*browser{s.admin("pat@example.com", access.SuperAdmin), s.admin("lee@example.com", access.OrgAdmin)}
	pages := make([]answer, 4)
	var group sync.WaitGroup
	for i := range pages {
		group.Go(func() { pages[i] = boss[i%2].post(m.path("/suspend"), url.Values{}) })
	}
	group.Wait()
	done := 0
	for _, p := range pages {
		switch p.status {
		case 303:
			done++
		case 409:
			if !strings.Contains(p.text(), "Not possible") {
				t.Errorf("the one who came late is told: %s", p.text())
			}
		default:
			t.Errorf("%d %s", p.status, p.text())
		}
	}
	if n := len(s.Events(systemlog.DeviceSuspend)); done != 1 || n != 1 {
		t.Errorf("%d of 4 have suspended the Mac, with %d events", done, n)
	}
}
