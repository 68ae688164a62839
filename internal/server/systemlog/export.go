package systemlog

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Format is how events are written into a file for others.
type Format struct {
	Name, Kind string // "jsonl" or "csv", and what that is in Content-Type
	write      func(w io.Writer) func([]Event) error
}

// FormatNamed is the format "jsonl" (a JSON object a line, as Entry has it) or
// "csv" (a table that a spreadsheet takes for no formula).
func FormatNamed(name string) (f Format, ok bool) {
	switch name {
	case "jsonl":
		return Format{name, "application/x-ndjson", jsonLines}, true
	case "csv":
		return Format{name, "text/csv; charset=utf-8", commaSeparated}, true
	}
	return f, false
}

// To is what writes events to w, page by page.
func (f Format) To(w io.Writer) func([]Event) error { return f.write(w) }

func jsonLines(w io.Writer) func([]Event) error {
	out := json.NewEncoder(w)
	return func(events []Event) error {
		for _, e := range events {
			if err := out.Encode(e.Entry()); err != nil {
				return fmt.Errorf("write events: %w", err)
			}
		}
		return nil
	}
}

func commaSeparated(w io.Writer) func([]Event) error {
	out, begun := csv.NewWriter(w), false
	return func(events []Event) error {
		if !begun {
			begun = true
			_ = out.Write([]string{"seq", "published", "type", "severity", "outcome", "reason", "message", "actor", "targets", "ip", "request", "detail", "hash"})
		}
		for _, e := range events {
			_ = out.Write(cells(e)) // Flush has the error
		}
		out.Flush()
		return out.Error()
	}
}

// cells is an event as a line of a table.
func cells(e Event) []string {
	var targets []string
	for _, t := range e.Targets {
		targets = append(targets, t.Type+" "+t.ID+" "+t.DisplayName)
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		detail = nil
	}
	line := []string{strconv.FormatUint(e.Seq, 10), e.Published.UTC().Format(time.RFC3339Nano), e.Type, e.Severity, e.Outcome.Result, e.Outcome.Reason, e.Message,
		e.Actor.AlternateID, strings.Join(targets, "; "), e.Client.IPAddress, e.Request, string(detail), e.Hash}
	for i, cell := range line {
		line[i] = inert(cell)
	}
	return line
}

// inert keeps a spreadsheet from taking a text that somebody else chose for a
// formula.
func inert(cell string) string {
	if strings.ContainsAny(cell[:min(len(cell), 1)], "=+-@\t\r") {
		return "'" + cell
	}
	return cell
}
