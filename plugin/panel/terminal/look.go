package terminal

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// attributesOnly is a terminal with bold and reverse, and no colours.
const attributesOnly = colorprofile.Ascii

// look is how parts are set off from each other. Nothing is told by colour
// alone: focus, errors and choices have signs of their own.
type look struct {
	bar, title, strong, dim, focused, info, bad, qr func(string) string
	colours                                         bool
}

// hasColours reports whether the terminal of that environment is to be given
// colours (no-color.org; terminals of the vt100 kind have none).
func hasColours(env []string) bool {
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if name == "NO_COLOR" && value != "" {
			return false
		}
		if name == "TERM" && (value == "" || value == "dumb" || value == "linux-m" ||
			strings.HasPrefix(value, "vt") || strings.HasSuffix(value, "-mono") || strings.HasSuffix(value, "-m")) {
			return false
		}
	}
	return true
}

func lookFor(colours bool) look {
	style := func(s lipgloss.Style) func(string) string { return func(text string) string { return s.Render(text) } }
	plain := lipgloss.NewStyle()
	if !colours {
		return look{bar: style(plain.Reverse(true)), title: style(plain.Bold(true)), strong: style(plain.Bold(true)),
			dim: style(plain), focused: style(plain.Reverse(true)), info: style(plain), bad: style(plain.Bold(true)), qr: style(plain)}
	}
	colour := lipgloss.Color
	return look{
		bar:     style(plain.Background(colour("#22415f")).Foreground(colour("#eef3f8"))),
		title:   style(plain.Bold(true)),
		strong:  style(plain.Bold(true)),
		dim:     style(plain.Foreground(colour("#8b95a1"))),
		focused: style(plain.Background(colour("#2f7dd1")).Foreground(colour("#ffffff")).Bold(true)),
		info:    style(plain.Foreground(colour("#58b889"))),
		bad:     style(plain.Foreground(colour("#ef7f74"))),
		qr:      style(plain.Background(colour("#ffffff")).Foreground(colour("#000000"))),
		colours: true,
	}
}
