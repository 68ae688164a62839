package profile

import (
	"bytes"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// place turns offsets into lines and columns. It walks from the last place that
// was asked for, as readers mostly ask for later ones.
type place struct {
	src       []byte
	at        int // an offset
	line      int // of at, from 0
	lineStart int
}

func (p *place) of(offset int) plist.Position {
	offset = min(offset, len(p.src))
	if offset > p.at {
		passed := p.src[p.at:offset]
		if n := bytes.Count(passed, []byte("\n")); n > 0 {
			p.line += n
			p.lineStart = p.at + bytes.LastIndexByte(passed, '\n') + 1
		}
	} else if offset < p.at {
		p.line -= bytes.Count(p.src[offset:p.at], []byte("\n"))
		p.lineStart = bytes.LastIndexByte(p.src[:offset], '\n') + 1
	}
	p.at = offset
	return plist.Position{Line: p.line + 1, Column: offset - p.lineStart + 1}
}

// offset is where a position is in the file.
func offsetOf(src []byte, at plist.Position) int {
	from := 0
	for range at.Line - 1 {
		i := bytes.IndexByte(src[from:], '\n')
		if i < 0 {
			return len(src)
		}
		from += i + 1
	}
	return min(from+at.Column-1, len(src))
}

func (s *scanner) at(offset int) plist.Position { return s.place.of(offset) }

// indent is the width of the space before an offset, or -1 when something else
// stands before it on the line.
func (s *scanner) indent(offset int) int {
	width := 0
	for i := offset - 1; i >= 0 && s.src[i] != '\n'; i-- {
		if s.src[i] != ' ' && s.src[i] != '\t' {
			return -1
		}
		width++
	}
	return width
}
