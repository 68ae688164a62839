package native

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// event is what the person did, as the window tells it (panel.m writes it).
type event struct {
	Seq    uint64            `json:"seq"`
	Action string            `json:"action"`
	Choice string            `json:"choice"`
	Values map[string]string `json:"values"`
}

// model is the screen that stands in the window, and what was done on it.
type model struct {
	words  Words
	screen wire.Screen
	view   view
	sent   string    // the action that was sent and has not been answered by a screen
	sentAt time.Time // when
}

// again is from when an action may be sent once more that no screen has
// answered: the daemon says nothing to what it does not take.
const again = 2 * time.Second

// show takes a new screen. What was typed stays when the daemon only brings its
// own screen up to date, and goes when the screen is an answer.
func (m *model) show(s wire.Screen) view {
	updated := m.sent == "" && m.view.Title != "" && m.screen.Kind == s.Kind && m.screen.Title == s.Title && sameFields(m.screen.Fields, s.Fields)
	before := m.view.Announce
	m.screen, m.sent = s, ""
	m.view = viewOf(s, m.words)
	m.view.Keep = updated
	if updated && m.view.Announce == before {
		m.view.Announce = "" // it was said
	}
	return m.view
}

func sameFields(a, b []wire.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// press takes what the person did: an act to send, or the view with what is
// missing, or neither.
func (m *model) press(e event, now time.Time) (act *wire.Act, remarked *view) {
	if e.Seq != m.screen.Seq || !m.offers(e.Action) || m.sent == e.Action && now.Sub(m.sentAt) < again {
		return nil, nil
	}
	a := wire.Act{Seq: e.Seq, Action: e.Action, Values: map[string]string{}}
	if e.Action == wire.ActionSubmit {
		for _, f := range m.view.Fields {
			if missing := m.missing(f, e.Values[f.Name]); missing != "" {
				return nil, m.remark(f, missing)
			}
			a.Values[f.Name] = e.Values[f.Name]
		}
		for _, c := range m.view.Choices {
			if c.Enabled && c.ID == e.Choice {
				a.Choice = c.ID
			}
		}
	}
	m.sent, m.sentAt = e.Action, now
	return &a, nil
}

// offers: a list of choices without a button is submitted by Return.
func (m *model) offers(action string) bool {
	for _, a := range m.screen.Actions {
		if a.ID == action {
			return true
		}
	}
	return action == wire.ActionSubmit && len(m.screen.Choices) > 0
}

func (m *model) remark(f field, missing string) *view {
	v := m.view
	v.Keep, v.Remark, v.Focus, v.Announce = true, missing, "field "+f.Name, missing
	return &v
}

// waiting is the view while an act is on its way. Nothing in it is dimmed.
func (m *model) waiting() view {
	v := m.view
	v.Keep, v.Announce = true, ""
	if !v.Busy {
		v.Busy, v.BusyText = true, m.words.Text("moment")
	}
	return v
}

// missing says what a field still wants, or nothing.
func (m *model) missing(f field, value string) string {
	missing := f.Digits - utf8.RuneCountInString(value)
	switch {
	case f.Digits == 0 || missing <= 0:
		return ""
	case value == "":
		return m.words.Text("digits", "label", f.Label, "digits", strconv.Itoa(f.Digits))
	case missing == 1:
		return m.words.Text("oneMissing", "label", f.Label)
	}
	return m.words.Text("missing", "label", f.Label, "digits", strconv.Itoa(missing))
}

// maxCountdown is the longest time left that is worth a countdown; what is
// longer comes from a clock that is not this one.
const maxCountdown = 24 * time.Hour

// count is the line that counts down, or nothing.
func (m *model) count(now time.Time) string {
	if m.screen.Deadline.IsZero() {
		return ""
	}
	left := m.screen.Deadline.Sub(now)
	if left > maxCountdown || left < -maxCountdown {
		return ""
	}
	return m.words.Text("left", "time", clockText(max(left, 0)))
}

// clockText is a time as minutes and seconds, with hours when there are any,
// rounded up so that it ends at zero.
func clockText(d time.Duration) string {
	seconds := int((d + time.Second - 1) / time.Second)
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
