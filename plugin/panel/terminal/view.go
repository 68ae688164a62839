package terminal

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Measures of the layout, in cells.
const (
	columnWidth = 72 // of the one column, at most
	minText     = 28 // of the text beside a QR code, at least
	minRows     = 3  // of the body, however low the window is
)

// View draws the screen.
func (m *model) View() (v tea.View) {
	defer func() {
		if reason := recover(); reason != nil {
			// What cannot be drawn must not end in a broken terminal.
			v = tea.NewView("This screen cannot be drawn. Press Esc.")
			v.AltScreen = true
		}
	}()
	text, x, y := m.draw()
	v = tea.NewView(text)
	v.AltScreen = true
	if x >= 0 {
		v.Cursor = tea.NewCursor(x, y)
	}
	return v
}

// draw is the whole window, and where the caret is, -1 for nowhere.
func (m *model) draw() (text string, caretX, caretY int) {
	if !m.shown {
		return m.bar(" Latchkey", ""), -1, -1
	}
	inner := max(min(columnWidth, m.width-4), 10)
	left := max(0, (m.width-inner)/2)
	code := m.codeBeside(m.height - 3)
	if code != nil {
		side := lipgloss.Width(code[0])
		inner = min(columnWidth, m.width-side-5)
		left = max(1, (m.width-inner-side-3)/2)
	}
	b := m.compose(inner)
	if code == nil {
		m.addCodeBelow(b)
	}
	rows, top := b.fit(max(m.height-4, minRows))
	lines := []string{m.bar(" Latchkey", "Sign-in "), ""}
	caretX, caretY = -1, -1
	for i, r := range rows {
		if r.caret >= 0 {
			caretX, caretY = left+r.caret, len(lines)
		}
		lines = append(lines, m.beside(strings.Repeat(" ", left)+r.text, left+inner+3, code, i))
	}
	for i := len(rows); code != nil && i < len(code); i++ {
		lines = append(lines, m.beside("", left+inner+3, code, i))
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(m.height-1, 1)], m.footer(top > 0, top+len(rows) < len(b.rows)))
	for i := range lines {
		lines[i] = strings.TrimRight(lipgloss.NewStyle().MaxWidth(m.width).Render(lines[i]), " ")
	}
	return strings.Join(lines, "\n"), caretX, caretY
}

// beside puts a line of the QR code to the right of the text.
func (m *model) beside(text string, column int, code []string, i int) string {
	if code == nil || i >= len(code) {
		return text
	}
	return text + strings.Repeat(" ", max(0, column-lipgloss.Width(text))) + m.lk.qr(code[i])
}

// codeBeside is the QR code when it fits beside the text.
func (m *model) codeBeside(height int) []string {
	return m.codeWithin(m.width-minText-5, height)
}

// codeWithin is the QR code with the widest quiet zone that fits, or nil.
func (m *model) codeWithin(width, height int) []string {
	if m.screen.QR == "" {
		return nil
	}
	for _, quiet := range []int{qrcode.QuietFull, qrcode.QuietSmall} {
		code := qrcode.Lines(m.screen.QR, quiet, m.lk.colours)
		if code != nil && lipgloss.Width(code[0]) <= width && len(code) <= height {
			return code
		}
	}
	return nil
}

// addCodeBelow adds the QR code above the fields when all of it can be seen,
// else says why there is none.
func (m *model) addCodeBelow(b *body) {
	if m.screen.QR == "" {
		return
	}
	var added []row
	if code := m.codeWithin(m.width-2, m.height-4-len(b.rows)-1); code != nil {
		for _, line := range code {
			added = append(added, row{text: m.lk.qr(line), caret: -1})
		}
	} else {
		note := &body{width: b.width}
		text := "The window is too small for the QR code: type the key, or make the window larger."
		if len(m.screen.Facts) == 0 {
			text = "The window is too small for the QR code: make it larger."
		}
		note.wrapped("", text, m.lk.dim)
		added = note.rows
	}
	at := m.afterText(b)
	added = append(append([]row{{blank: true, caret: -1}}, added...), b.rows[at:]...)
	b.rows = append(b.rows[:at:at], added...)
}

// afterText is the row behind title and text.
func (m *model) afterText(b *body) int {
	head := &body{width: b.width}
	head.wrapped("", m.screen.Title, plainText)
	if m.screen.Text != "" {
		head.gap()
		head.wrapped("", m.screen.Text, plainText)
	}
	return len(head.rows)
}

// fit is the part of the rows that is drawn: all of them, without gaps when
// the window is low, and scrolled to what has the focus when it is lower.
func (b *body) fit(height int) (rows []row, top int) {
	if len(b.rows) > height {
		kept := b.rows[:0:0]
		spare := height - (len(b.rows) - b.gaps())
		for _, r := range b.rows {
			if r.blank {
				if spare <= 0 {
					continue
				}
				spare--
			}
			kept = append(kept, r)
		}
		b.rows = kept
	}
	if len(b.rows) <= height {
		return b.rows, 0
	}
	for i, r := range b.rows {
		if r.focused {
			// One row below the focus stays in sight, so that it is seen that
			// there is more.
			top = min(max(0, i-height+2), len(b.rows)-height)
		}
	}
	return b.rows[top : top+height], top
}

func (b *body) gaps() int {
	n := 0
	for _, r := range b.rows {
		if r.blank {
			n++
		}
	}
	return n
}

// bar is the top line, over the whole width.
func (m *model) bar(left, right string) string {
	room := m.width - lipgloss.Width(left) - lipgloss.Width(right)
	if room < 0 {
		left, right, room = "", "", m.width
	}
	return m.lk.bar(left + strings.Repeat(" ", room) + right)
}

// footer says which keys do what, and how much time is left.
func (m *model) footer(above, below bool) string {
	right := ""
	if left, counting := m.left(); counting {
		right = "Time left " + clockText(left) + " "
	}
	parts := m.keyHelp()
	if above || below {
		parts = append([]string{scrollText(above, below)}, parts...)
	}
	line := " " + strings.Join(parts, "   ")
	// The countdown counts; help gives way to it.
	for len(parts) > 1 && lipgloss.Width(line)+lipgloss.Width(right)+1 > m.width {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, "   ")
	}
	return m.lk.dim(line) + strings.Repeat(" ", max(1, m.width-lipgloss.Width(line)-lipgloss.Width(right))) + m.lk.strong(right)
}

func scrollText(above, below bool) string {
	switch {
	case above && below:
		return "▲▼ more"
	case above:
		return "▲ more"
	}
	return "▼ more"
}

// keyHelp are the keys of this screen, the most useful first.
func (m *model) keyHelp() []string {
	var parts []string
	pressed := m.withRole(wire.RoleDefault)
	if at, ok := m.focused(); ok && at.part == partAction {
		pressed = &m.screen.Actions[at.index]
	}
	if pressed != nil {
		parts = append(parts, "Return: "+pressed.Label)
	}
	if a := m.withRole(wire.RoleCancel); a != nil {
		parts = append(parts, "Esc: "+a.Label)
	}
	if len(m.items()) > 1 {
		parts = append(parts, "Tab: next")
	}
	if a := m.withID(wire.ActionContact); a != nil && a != pressed {
		parts = append(parts, "F1: "+a.Label)
	}
	return parts
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
