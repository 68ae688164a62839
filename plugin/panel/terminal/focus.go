package terminal

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// part is a kind of thing that can have the focus.
type part int

const (
	partField part = iota
	partChoice
	partAction
)

// item is one thing that can have the focus.
type item struct {
	part  part
	index int
}

// items are all that can have the focus, in the order they are drawn.
func (m *model) items() []item {
	var all []item
	for i, c := range m.screen.Choices {
		if c.Enabled {
			all = append(all, item{partChoice, i})
		}
	}
	for i := range m.inputs {
		all = append(all, item{partField, i})
	}
	for i := range m.screen.Actions {
		all = append(all, item{partAction, i})
	}
	return all
}

func (m *model) focused() (item, bool) {
	all := m.items()
	if m.focus < 0 || m.focus >= len(all) {
		return item{}, false
	}
	return all[m.focus], true
}

func (m *model) focusedInput() *input {
	if at, ok := m.focused(); ok && at.part == partField {
		return &m.inputs[at.index]
	}
	return nil
}

// focusFirst sets the focus where a person goes on: to the first field, else
// to the first choice, else to the default action.
func (m *model) focusFirst() {
	for _, wanted := range []part{partField, partChoice} {
		for i, it := range m.items() {
			if it.part == wanted {
				m.focus = i
				return
			}
		}
	}
	for i, it := range m.items() {
		if it.part == partAction && m.screen.Actions[it.index].Role == wire.RoleDefault {
			m.focus = i
			return
		}
	}
}

// focusedName names what has the focus, so that it is found on another screen.
func (m *model) focusedName() string {
	at, ok := m.focused()
	if !ok {
		return ""
	}
	return m.name(at)
}

func (m *model) name(at item) string {
	switch at.part {
	case partField:
		return "field " + m.inputs[at.index].field.Name
	case partChoice:
		return "choice " + m.screen.Choices[at.index].ID
	}
	return "action " + m.screen.Actions[at.index].ID
}

func (m *model) focusOn(name string) {
	for i, it := range m.items() {
		if m.name(it) == name {
			m.focus = i
			m.follow()
		}
	}
}

// follow chooses the choice that has the focus.
func (m *model) follow() {
	if at, ok := m.focused(); ok && at.part == partChoice {
		m.choice = at.index
	}
}

func (m *model) move(by int) {
	if n := len(m.items()); n > 0 {
		m.focus = ((m.focus+by)%n + n) % n
		m.follow()
	}
}

// key takes one key.
func (m *model) key(k tea.KeyPressMsg) {
	name := k.String()
	switch name {
	case "tab", "down":
		m.move(1)
		return
	case "shift+tab", "up":
		m.move(-1)
		return
	case "enter":
		m.enter()
		return
	case "esc", "ctrl+c":
		m.press(m.withRole(wire.RoleCancel))
		return
	case "f1":
		m.press(m.withID(wire.ActionContact))
		return
	}
	if in := m.focusedInput(); in != nil {
		if in.edit(name) {
			m.remark = ""
			return
		}
		if k.Text != "" && (!in.digits() || isDigits(k.Text)) {
			in.insert(k.Text)
			m.remark = ""
			return
		}
	}
	m.shortcut(name, k.Text)
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789 -") == "" }

// shortcut moves the focus and never presses: a stray key does no harm.
func (m *model) shortcut(name, text string) {
	switch name {
	case "left":
		m.move(-1)
		return
	case "right":
		m.move(1)
		return
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(m.screen.Choices) {
		m.focusOn("choice " + m.screen.Choices[n-1].ID)
		return
	}
	if text == "" {
		return
	}
	for _, a := range m.screen.Actions {
		if len(a.Label) >= len(text) && strings.EqualFold(a.Label[:len(text)], text) {
			m.focusOn("action " + a.ID)
			return
		}
	}
}

func (m *model) withRole(role string) *wire.Action {
	for i, a := range m.screen.Actions {
		if a.Role == role {
			return &m.screen.Actions[i]
		}
	}
	return nil
}

func (m *model) withID(id string) *wire.Action {
	for i, a := range m.screen.Actions {
		if a.ID == id {
			return &m.screen.Actions[i]
		}
	}
	return nil
}

// enter presses the action that has the focus, else goes to the next field
// that is not complete, else presses the default action.
func (m *model) enter() {
	at, ok := m.focused()
	if ok && at.part == partAction {
		m.press(&m.screen.Actions[at.index])
		return
	}
	if ok && at.part == partField && m.missing(at.index) == "" {
		for i := at.index + 1; i < len(m.inputs); i++ {
			if len(m.inputs[i].typed) == 0 {
				m.focusOn("field " + m.inputs[i].field.Name)
				return
			}
		}
	}
	if a := m.withRole(wire.RoleDefault); a != nil {
		m.press(a)
		return
	}
	if m.choice >= 0 {
		m.press(&wire.Action{ID: wire.ActionSubmit})
	}
}

// missing says what a field still wants, or nothing.
func (m *model) missing(index int) string {
	in := &m.inputs[index]
	switch missing := in.missing(); {
	case missing == 0:
		return ""
	case len(in.typed) == 0:
		return in.field.Label + ": type " + strconv.Itoa(in.field.Digits) + " digits."
	case missing == 1:
		return in.field.Label + ": one digit is missing."
	default:
		return in.field.Label + ": " + strconv.Itoa(missing) + " digits are missing."
	}
}

// press sends the action, once until a screen answers it.
func (m *model) press(a *wire.Action) {
	if a == nil || a.ID == m.sent {
		return
	}
	act := wire.Act{Seq: m.screen.Seq, Action: a.ID, Values: map[string]string{}}
	if a.ID == wire.ActionSubmit {
		for i := range m.inputs {
			if m.remark = m.missing(i); m.remark != "" {
				m.focusOn("field " + m.inputs[i].field.Name)
				return
			}
		}
		for i := range m.inputs {
			act.Values[m.inputs[i].field.Name] = m.inputs[i].value()
		}
		if m.choice >= 0 {
			act.Choice = m.screen.Choices[m.choice].ID
		}
	}
	m.sent = a.ID
	m.act(act)
}
