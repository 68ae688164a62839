package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// Quiet zones around a QR code, in modules: what the standard wants, and what
// phones still read when there is little room.
const (
	QuietFull  = 4
	QuietSmall = 2
)

// Lines is the payload as half blocks: two modules to a cell, dark modules
// in the colour of the text on light ground. Without colours the light ones
// are drawn instead, for a terminal with light text on dark ground. It is nil
// when the payload does not fit a QR code.
func Lines(payload string, quiet int, colours bool) []string {
	code, err := qr.Encode(payload, qr.L)
	if err != nil {
		return nil
	}
	inked := func(x, y int) bool {
		dark := x >= 0 && y >= 0 && x < code.Size && y < code.Size && code.Black(x, y)
		return dark == colours
	}
	var lines []string
	for y := -quiet; y < code.Size+quiet; y += 2 {
		var line strings.Builder
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := inked(x, y), inked(x, y+1)
			if y+1 >= code.Size+quiet {
				lower = !colours // below the last row is quiet zone as well
			}
			line.WriteString(halfBlock(upper, lower))
		}
		lines = append(lines, line.String())
	}
	return lines
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}

// SVG is the payload as a picture with a full quiet zone, black on white: one
// square for each module, for a page to size. It is "" when the payload does
// not fit a QR code.
func SVG(payload string) string {
	code, err := qr.Encode(payload, qr.L)
	if err != nil {
		return ""
	}
	size := code.Size + 2*QuietFull
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, size, size, size, size)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+QuietFull, y+QuietFull)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}

// Rows is the payload as rows of modules, for who draws them as squares: 1 is
// dark, with a quiet zone of that many modules. It is nil when the payload does
// not fit a QR code.
func Rows(payload string, quiet int) []string {
	code, err := qr.Encode(payload, qr.L)
	if err != nil {
		return nil
	}
	var rows []string
	for y := -quiet; y < code.Size+quiet; y++ {
		var row strings.Builder
		for x := -quiet; x < code.Size+quiet; x++ {
			row.WriteByte("01"[digit(x >= 0 && y >= 0 && x < code.Size && y < code.Size && code.Black(x, y))])
		}
		rows = append(rows, row.String())
	}
	return rows
}

func digit(dark bool) int {
	if dark {
		return 1
	}
	return 0
}
