package console_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// The server's disk is full, and then its database is gone: the page says that
// nothing was done, and nothing was; with room again all goes on.
func TestADatabaseThatIsFullOrGone(t *testing.T) {
	storetest.OnlySQLite(t, "the disk of PostgreSQL is its server's")
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("pat@example.com", access.SuperAdmin)
	pages := func(most int) {
		t.Helper()
		s.Update(func(tx *sql.Tx) error { _, err := tx.Exec(`PRAGMA max_page_count = ` + itoa(int64(most))); return err })
	}
	events := len(s.Events(""))
	pages(1) // which is as many as there are
	broken := b.post(m.ofAmy("/pin"), asks("reason", strings.Repeat("x", 400)))
	for broken.status == 200 { // what is left of the last page is used up
		broken = b.post(m.ofAmy("/pin"), asks("reason", strings.Repeat("x", 400)))
	}
	broken.is(500).has("Something went wrong on the server", "Nothing was done", "reference").hasNot("database", "SQL", "disk")
	added := 0
	for b.post("/people", url.Values{"login": {strings.Repeat("n", 150) + itoa(int64(added)) + "@example.com"}}).status == 303 {
		added++
	}
	pages(1 << 30)
	made := len(s.Events(systemlog.PINGenerate))
	if now := len(s.Events("")); now != events+made+added {
		t.Errorf("%d events, want %d: what failed has left something", now, events+made+added)
	}
	b.get("/people").hasNot("n" + itoa(int64(added)) + "@example.com")
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))

	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	b.get("/devices").is(500).has("Something went wrong on the server")
	s.visitor().get("/sign-in").is(200)
	s.visitor().post("/sign-in", url.Values{"login": {"pat@example.com"}, "password": {password}}).is(500)
}

// Another process holds the database: the page says so after a while, nothing
// was done, and when it lets go all goes on.
func TestADatabaseThatIsLocked(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("pat@example.com", access.SuperAdmin)
	b.get("/devices").is(200) // seen a moment ago: no need to write that
	other, err := store.Open(t.Context(), s.Where)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held, letGo, over := make(chan bool), make(chan bool), make(chan error)
	go func() {
		over <- other.Update(t.Context(), func(*sql.Tx) error { held <- true; <-letGo; return nil })
	}()
	<-held
	b.post(m.ofAmy("/pin"), asks()).is(500).has("Nothing was done")
	b.get(m.path("")).is(200).has("Full amy") // reading goes on
	letGo <- true
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
	if n := len(s.Events(systemlog.PINGenerate)); n != 1 {
		t.Errorf("%d PINs were recorded", n)
	}
}

// The server's clock is set back and forward: nobody gets a PIN, or stays signed
// in, by it.
func TestTheServersClockJumps(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("pat@example.com", access.SuperAdmin)
	first := pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
	s.Pass(-5 * time.Minute)
	// A sign-in that is still to come is none to rely on.
	b.post(m.ofAmy("/pin"), asks()).is(403).has("Show once more that it is you")
	b.get(m.path("")).is(200)
	s.Pass(5*time.Minute + time.Second)
	if again := pinOn(b.post(m.ofAmy("/pin"), asks()).is(200)); again == first {
		t.Error("the same PIN was made twice")
	}
	s.Pass(13 * time.Hour)
	b.get("/devices").to("/sign-in")
}
