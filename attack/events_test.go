package attack

import (
	"encoding/json"
	"slices"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// event is one of the server's System Log.
type event struct {
	EventType    string
	Severity     string
	Outcome      struct{ Result, Reason string }
	DebugContext struct{ DebugData map[string]string }
}

func (e event) detail(name string) string { return e.DebugContext.DebugData[name] }

// events are those of a kind that the server has, the newest first.
func (m *mac) events(kind string) (list []event) {
	m.t.Helper()
	out, err := m.Desk(trial.Admin, "events", "list", "--type", "device.desktop_mfa."+kind, "--limit", "1000", "--json")
	m.ok(err)
	m.ok(json.Unmarshal([]byte(out), &list))
	return list
}

// reported has the Mac deliver its events, and returns those of a kind.
func (m *mac) reported(kind string) []event {
	m.t.Helper()
	_, err := m.Latchkey("check-in")
	m.ok(err)
	return m.events(kind)
}

// tells wants an event of a kind with that detail to have reached the server.
func (m *mac) tells(kind, detail, value string) {
	m.t.Helper()
	list := m.reported(kind)
	if !slices.ContainsFunc(list, func(e event) bool { return e.detail(detail) == value }) {
		m.t.Errorf("no %s with %s=%s was reported: %+v", kind, detail, value, list)
	}
}

// tellsOf wants an event of a kind to have reached the server.
func (m *mac) tellsOf(kind string) {
	m.t.Helper()
	if len(m.reported(kind)) == 0 {
		m.t.Errorf("no %s was reported", kind)
	}
}
