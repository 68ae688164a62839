package tty

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"image/color"
	"io"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Colours of a cell that asks for none.
var (
	foreground = color.RGBA{0xe4, 0xe6, 0xeb, 0xff} // never written
	background = color.RGBA{0x14, 0x17, 0x1c, 0xff} // never written
)

// Cell is one position of the screen with its final colours.
type Cell struct {
	Text                           string // one character as drawn, "" for the right half of a wide one
	Foreground, Background         color.RGBA
	Bold, Faint, Italic, Underline bool
}

// Picture is the screen at one moment.
type Picture struct {
	Cells            [][]Cell // rows of equal length
	CursorX, CursorY int      // -1 when the cursor is hidden
}

// Picture takes the screen as it is.
func (t *Terminal) Picture() Picture {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := Picture{Cells: make([][]Cell, t.height), CursorX: -1, CursorY: -1}
	if position := t.emulator.CursorPosition(); !t.hidden {
		p.CursorX, p.CursorY = position.X, position.Y
	}
	for y := range p.Cells {
		p.Cells[y] = make([]Cell, t.width)
		for x := range p.Cells[y] {
			p.Cells[y][x] = cellFrom(t.emulator.CellAt(x, y))
		}
	}
	return p
}

func cellFrom(from *uv.Cell) Cell {
	if from == nil {
		return Cell{Text: " ", Foreground: foreground, Background: background}
	}
	has := func(attribute uint8) bool { return from.Style.Attrs&attribute != 0 }
	c := Cell{Text: from.Content, Foreground: rgba(from.Style.Fg, foreground), Background: rgba(from.Style.Bg, background),
		Bold: has(uv.AttrBold), Faint: has(uv.AttrFaint), Italic: has(uv.AttrItalic), Underline: from.Style.Underline != uv.UnderlineNone}
	if has(uv.AttrReverse) {
		c.Foreground, c.Background = c.Background, c.Foreground
	}
	if has(uv.AttrConceal) {
		c.Text = " "
	}
	return c
}

func rgba(c color.Color, otherwise color.RGBA) color.RGBA {
	if c == nil {
		return otherwise
	}
	return color.RGBAModel.Convert(c).(color.RGBA)
}

// Size of a cell in a screenshot, in pixels: twice as high as wide, so that
// half blocks are square.
const (
	cellWidth  = 9
	cellHeight = 18
	fontSize   = 15
	margin     = 12
)

// Screenshot writes the screen as an SVG image. Block elements are drawn as
// rectangles rather than by a font, so that a QR code in it can be read.
func (t *Terminal) Screenshot(w io.Writer) error { return t.Picture().SVG(w) }

// SVG writes the picture as an SVG image.
func (p Picture) SVG(w io.Writer) error {
	rows, columns := len(p.Cells), 0
	if rows > 0 {
		columns = len(p.Cells[0])
	}
	width, height := columns*cellWidth+2*margin, rows*cellHeight+2*margin
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="%d %d %d %d">`+"\n",
		width, height, -margin, -margin, width, height)
	fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s"/>`+"\n", -margin, -margin, width, height, hex(background))
	fmt.Fprintf(out, `<g shape-rendering="crispEdges">`+"\n")
	for y, row := range p.Cells {
		drawRectangles(out, row, y)
	}
	if p.CursorX >= 0 {
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="2" height="%d" fill="%s"/>`+"\n", p.CursorX*cellWidth, p.CursorY*cellHeight, cellHeight, hex(foreground))
	}
	fmt.Fprintf(out, "</g>\n"+`<g font-family="'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="%d" xml:space="preserve">`+"\n", fontSize)
	for y, row := range p.Cells {
		drawText(out, row, y)
	}
	fmt.Fprint(out, "</g>\n</svg>\n")
	return out.Flush()
}

// block is a block element as top and height in halves of a cell.
func block(text string) (top, halves int, is bool) {
	switch text {
	case "▀":
		return 0, 1, true
	case "▄":
		return 1, 1, true
	case "█":
		return 0, 2, true
	}
	return 0, 0, false
}

func drawRectangles(out io.Writer, row []Cell, y int) {
	rectangle := func(from, to, top, halves int, fill color.RGBA) {
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n",
			from*cellWidth, y*cellHeight+top*cellHeight/2, (to-from)*cellWidth, halves*cellHeight/2, hex(fill))
	}
	runs(row, func(a, b Cell) bool { return a.Background == b.Background }, func(from, to int) {
		if row[from].Background != background {
			rectangle(from, to, 0, 2, row[from].Background)
		}
	})
	runs(row, func(a, b Cell) bool { return a.Text == b.Text && a.Foreground == b.Foreground }, func(from, to int) {
		if top, halves, is := block(row[from].Text); is {
			rectangle(from, to, top, halves, row[from].Foreground)
		}
	})
}

func drawText(out io.Writer, row []Cell, y int) {
	same := func(a, b Cell) bool {
		a.Text, a.Background = b.Text, b.Background
		return a == b
	}
	runs(row, same, func(from, to int) {
		var places, text strings.Builder
		for x := from; x < to; x++ {
			if _, _, is := block(row[x].Text); is || strings.TrimSpace(row[x].Text) == "" {
				continue
			}
			// Each character has its own place: no font shifts the columns.
			fmt.Fprintf(&places, "%d ", x*cellWidth)
			_ = xml.EscapeText(&text, []byte(row[x].Text))
		}
		if text.Len() > 0 {
			fmt.Fprintf(out, `<text x="%s" y="%d" fill="%s"%s>%s</text>`+"\n", strings.TrimSpace(places.String()),
				y*cellHeight+fontSize-1, hex(row[from].Foreground), row[from].attributes(), text.String())
		}
	})
}

func (c Cell) attributes() string {
	var all string
	for _, a := range []struct {
		set  bool
		text string
	}{{c.Bold, ` font-weight="bold"`}, {c.Faint, ` opacity="0.6"`}, {c.Italic, ` font-style="italic"`},
		{c.Underline, ` text-decoration="underline"`}} {
		if a.set {
			all += a.text
		}
	}
	return all
}

// runs calls each with the bounds of every stretch of cells that are alike.
func runs(row []Cell, alike func(a, b Cell) bool, each func(from, to int)) {
	for from := 0; from < len(row); {
		to := from + 1
		for to < len(row) && alike(row[from], row[to]) {
			to++
		}
		each(from, to)
		from = to
	}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
