package terminal

import (
	"strings"

	"rsc.io/qr"
)

// Quiet zones around a QR code, in modules: what the standard wants, and what
// phones still read when the window is small.
const (
	quietFull  = 4
	quietSmall = 2
)

// qrLines is the payload as half blocks: two modules to a cell, dark modules
// in the colour of the text on light ground. Without colours the light ones
// are drawn instead, for a terminal with light text on dark ground. It is nil
// when the payload does not fit a QR code.
func qrLines(payload string, quiet int, colours bool) []string {
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
