//go:build linux

package abitest

import (
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/paneltest"
)

// TestNativeOnSeveralDisplays: the window comes where the pointer is, and what a
// display that is unplugged takes away comes back on the one that is left, with
// what was typed.
func TestNativeOnSeveralDisplays(t *testing.T) {
	t.Parallel()
	native(t)
	desk := paneltest.StartMany(t)
	desk.Point(1400, 300)
	s := sit(t, desk, 1)
	s.comes(named("code"))
	s.StandsIn(s.Second())
	s.Type("123")
	s.Unplug()
	s.StandsIn(s.First())
	s.Type("456")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "code", "123456")
	s.Plug() // nothing jumps away under who is typing
	s.comes(named("push"))
	s.StandsIn(s.First())
	s.Press("Tab", "Return")
	s.does(wire.ActionAnother, "")
	s.lets()
}

// comes sends a screen, and waits for its title: there is no picture of several
// displays.
func (s *sitting) comes(screen wire.Screen) {
	s.t.Helper()
	s.sendsAlone(screen)
	s.Sees(screen.Title)
	s.title = screen.Title
}
