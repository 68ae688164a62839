package terminal

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
)

// showMsg brings a new screen.
type showMsg struct{ screen wire.Screen }

// tickMsg moves what moves by itself: spinner and countdown.
type tickMsg struct{}

// How often what moves by itself is drawn.
const (
	spinEvery = 120 * time.Millisecond
	tickEvery = time.Second
)

// model is the drawn screen and what the person has done on it so far.
type model struct {
	now  func() time.Time
	act  func(wire.Act)
	pace func(time.Duration) // told how often to send tickMsg, 0 for never
	lk   look

	width, height int
	screen        wire.Screen
	shown         bool
	inputs        []input
	choice        int // index of the chosen one, -1 for none
	focus         int // index into items
	remark        string
	sent          string // action that was sent and has not been answered by a screen
	spin          int
	ticking       time.Duration // the pace last asked for
	failed        error         // why the panel gave up
}

func newModel(now func() time.Time, lk look, act func(wire.Act), pace func(time.Duration)) *model {
	return &model{now: now, act: act, pace: pace, lk: lk, width: 80, height: 24, choice: -1}
}

// Init has nothing to start before the first screen.
func (m *model) Init() tea.Cmd { return nil }

// Update takes one message. A defect must not leave the terminal in a state
// that a person cannot get out of, so a panic ends the panel in order.
func (m *model) Update(message tea.Msg) (next tea.Model, cmd tea.Cmd) {
	defer func() {
		if reason := recover(); reason != nil {
			m.failed = fmt.Errorf("a defect of the panel: %v", reason)
			next, cmd = m, tea.Quit
		}
	}()
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(message.Width, 1), max(message.Height, 1)
	case showMsg:
		m.show(message.screen)
	case tickMsg:
		m.spin++
	case tea.PasteMsg:
		if in := m.focusedInput(); in != nil {
			in.insert(message.Content)
			m.remark = ""
		}
	case tea.KeyPressMsg:
		if m.shown {
			m.key(message)
		}
	}
	m.setPace()
	return m, nil
}

// setPace asks for ticks while something moves. Bubble Tea's own ticks would
// leave a goroutine behind in the process that loaded the plug-in.
func (m *model) setPace() {
	every := time.Duration(0)
	if _, counting := m.left(); counting {
		every = tickEvery
	}
	if m.spinning() {
		every = spinEvery
	}
	if every != m.ticking {
		m.ticking = every
		m.pace(every)
	}
}

func (m *model) spinning() bool { return m.screen.Busy || m.sent != "" }

// maxCountdown is the longest time left that is worth a countdown; what is
// longer comes from a clock that is not this one.
const maxCountdown = 24 * time.Hour

// left is the time to the deadline of the screen, from zero.
func (m *model) left() (time.Duration, bool) {
	if m.screen.Deadline.IsZero() {
		return 0, false
	}
	left := m.screen.Deadline.Sub(m.now())
	if left > maxCountdown || left < -maxCountdown {
		return 0, false
	}
	return max(left, 0), true
}

// show replaces the screen. What was typed stays when the daemon only brings
// its own screen up to date, and goes when the screen is an answer.
func (m *model) show(s wire.Screen) {
	old, oldInputs, answered := m.screen, m.inputs, m.sent != ""
	oldFocus := m.focusedName()
	m.screen, m.shown, m.remark, m.sent = cleaned(s), true, "", ""
	m.inputs, m.choice, m.focus = nil, -1, 0
	for _, f := range m.screen.Fields {
		m.inputs = append(m.inputs, newInput(f))
	}
	for i, c := range m.screen.Choices {
		if c.Enabled && m.choice < 0 {
			m.choice = i
		}
	}
	m.focusFirst()
	if answered || old.Kind != m.screen.Kind || old.Title != m.screen.Title {
		return
	}
	for i := range m.inputs {
		for _, before := range oldInputs {
			if before.field.Name == m.inputs[i].field.Name && before.field.Kind == m.inputs[i].field.Kind && m.inputs[i].field.Value == before.field.Value {
				m.inputs[i].typed, m.inputs[i].caret = nil, 0
				m.inputs[i].insert(before.value())
			}
		}
	}
	m.focusOn(oldFocus)
}

// cleaned is the screen without anything that could steer the terminal: names
// of computers and messages come from outside.
func cleaned(s wire.Screen) wire.Screen {
	s.Title, s.Number = panel.OneLine(s.Title), panel.OneLine(s.Number)
	s.Text = panel.Clean(s.Text)
	if s.Note != nil {
		s.Note = &wire.Note{Level: s.Note.Level, Text: panel.Clean(s.Note.Text)}
	}
	s.Fields, s.Choices = append([]wire.Field(nil), s.Fields...), append([]wire.Choice(nil), s.Choices...)
	s.Actions, s.Facts = append([]wire.Action(nil), s.Actions...), append([]wire.Fact(nil), s.Facts...)
	for i := range s.Fields {
		s.Fields[i].Label = panel.OneLine(s.Fields[i].Label)
		s.Fields[i].Digits = min(s.Fields[i].Digits, wire.MaxValue)
	}
	for i := range s.Choices {
		s.Choices[i].Label, s.Choices[i].Reason = panel.OneLine(s.Choices[i].Label), panel.OneLine(s.Choices[i].Reason)
	}
	for i := range s.Actions {
		s.Actions[i].Label = panel.OneLine(s.Actions[i].Label)
	}
	for i := range s.Facts {
		s.Facts[i].Label, s.Facts[i].Value = panel.OneLine(s.Facts[i].Label), panel.OneLine(s.Facts[i].Value)
	}
	return s
}
