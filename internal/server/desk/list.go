package desk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// line is a line of a list that an administrator has pasted.
type line struct {
	number int // from 1
	fields []string
}

// readList reads lines of fields with commas between them, none of them empty,
// up to MaxBulk; blank lines are passed over. want says what a line has, for the
// error, which is an *InvalidError that names the line.
func readList(list string, fields int, want string) ([]line, error) {
	r := csv.NewReader(strings.NewReader(list))
	r.FieldsPerRecord, r.TrimLeadingSpace = fields, true
	var out []line
	for {
		found, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, invalid(fmt.Sprintf("line %d", bad.Line), "want %s", want)
		}
		if err != nil {
			return nil, invalid("list", "it cannot be read as lines with commas")
		}
		number, _ := r.FieldPos(0)
		for i := range found {
			if found[i], err = text(fmt.Sprintf("line %d", number), found[i], maxName, true); err != nil {
				return nil, err
			}
		}
		if out = append(out, line{number, found}); len(out) > MaxBulk {
			return nil, invalid("list", "more than %d lines", MaxBulk)
		}
	}
	if len(out) == 0 {
		return nil, invalid("list", "it has no line")
	}
	return out, nil
}
