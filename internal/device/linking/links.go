package linking

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

const (
	prefix        = "links/"
	prelinkPrefix = "prelinks/"
	maxAccounts   = 10_000
)

// Records is where the links are kept.
type Records interface {
	Read(key string) ([]byte, error)
	List(prefix string, limit int) (keys []string, values [][]byte, err error)
	Write(changes map[string][]byte) error
}

// Journal takes the events that go into the same write as what they tell of.
type Journal interface {
	Stage(into map[string][]byte, name, guid string, detail ...string) error
}

// Time is the trusted time.
type Time interface{ Now() trustedtime.Reading }

// Link is an account's org user.
type Link struct {
	Login   string    `json:"login"`
	Subject string    `json:"subject"` // the org's own id of the user, which a renaming leaves alone
	At      time.Time `json:"at"`
}

// Links are those of all accounts. It is safe for concurrent use.
type Links struct {
	records Records
	journal Journal
	time    Time

	mu sync.Mutex
}

// New works on the records given.
func New(records Records, journal Journal, time Time) *Links {
	return &Links{records: records, journal: journal, time: time}
}

// Of is the account's link; linked is false where it has none.
func (l *Links) Of(guid string) (link Link, linked bool, err error) {
	raw, err := l.records.Read(prefix + guid)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &link)
	}
	if err != nil {
		return Link{}, false, fmt.Errorf("read the account's link: %w", err)
	}
	return link, raw != nil, nil
}

// Prelink is the org user that an administrator has named for the account, as
// the server last said; "" for none.
func (l *Links) Prelink(guid string) (string, error) {
	raw, err := l.records.Read(prelinkPrefix + guid)
	if err != nil {
		return "", fmt.Errorf("read the account's pre-link: %w", err)
	}
	return string(raw), nil
}

// SetPrelink keeps what the server says; "" takes it back.
func (l *Links) SetPrelink(guid, login string) error {
	before, err := l.Prelink(guid)
	if err != nil || before == login {
		return err
	}
	change := map[string][]byte{prelinkPrefix + guid: nil}
	if login != "" {
		change[prelinkPrefix+guid] = []byte(login)
	}
	if err := l.records.Write(change); err != nil {
		return fmt.Errorf("write the account's pre-link: %w", err)
	}
	return nil
}

// Free reports whether an org user may still be linked to an account: with
// ErrTaken where another account of this Mac has it. An empty subject is not
// looked at: before the org has answered, the login alone is known.
func (l *Links) Free(guid, login, subject string) error {
	keys, values, err := l.records.List(prefix, maxAccounts)
	if err != nil {
		return fmt.Errorf("list the links: %w", err)
	}
	for i, key := range keys {
		var other Link
		if err := json.Unmarshal(values[i], &other); err != nil {
			return fmt.Errorf("read the account's link: %w", err)
		}
		if strings.TrimPrefix(key, prefix) == guid {
			continue
		}
		if subject != "" && other.Subject == subject || same(other.Login, login) {
			return ErrTaken
		}
	}
	return nil
}

// Put links an account to the user that the org has just verified, with the
// factor that was shown. The grounds were looked at by the caller; whether the
// user is free is looked at here again, under the lock.
func (l *Links) Put(guid, login, subject, kind string, why Grounds) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Free(guid, login, subject); err != nil {
		return err
	}
	raw, err := json.Marshal(Link{Login: login, Subject: subject, At: l.time.Now().Time})
	if err != nil {
		return fmt.Errorf("write the account's link: %w", err)
	}
	change := map[string][]byte{prefix + guid: raw}
	if err := l.journal.Stage(change, events.AccountLink, guid, "login", login, "grounds", string(why), "factor", kind); err != nil {
		return err
	}
	if err := l.records.Write(change); err != nil {
		return fmt.Errorf("write the account's link: %w", err)
	}
	return nil
}

// Remove ends the account's link and reports whether there was one.
func (l *Links) Remove(guid, why string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	link, linked, err := l.Of(guid)
	if err != nil || !linked {
		return false, err
	}
	change := map[string][]byte{prefix + guid: nil}
	if err := l.journal.Stage(change, events.AccountUnlink, guid, "login", link.Login, "reason", why); err != nil {
		return false, err
	}
	if err := l.records.Write(change); err != nil {
		return false, fmt.Errorf("remove the account's link: %w", err)
	}
	return true, nil
}

// Reject notes that an account asked for an org user that is not its own. login
// is given only where the org has verified it: people type passwords where a
// name belongs.
func (l *Links) Reject(guid, login, why string) error {
	change, detail := map[string][]byte{}, []string{"reason", why}
	if login != "" {
		detail = append(detail, "login", login)
	}
	if err := l.journal.Stage(change, events.LinkReject, guid, detail...); err != nil {
		return err
	}
	if err := l.records.Write(change); err != nil {
		return fmt.Errorf("queue the event of a refused link: %w", err)
	}
	return nil
}
