package script

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
)

// Bounds of a script.
const (
	maxSize  = 256 * 1024 // bytes
	maxLines = 2000
	maxWait  = 10 * time.Minute
)

// Script is a script that has been read as a whole.
type Script struct {
	// Width and Height are the size of the terminal in cells that the script
	// asks for, zero when it does not.
	Width, Height int

	name  string
	steps []step
}

// step is one line of a script.
type step struct {
	line int
	text string // as it stands in the file
	verb string

	pattern  *regexp.Regexp
	argument string // text, key, result, path
	variable string
	wait     time.Duration
}

// Error is a line of a script that is wrong, or that did not come true.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap is what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// Load reads the script at path. Paths in it count from its folder.
func Load(path string) (*Script, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, errors.Unwrap(err))
	}
	s, err := Parse(path, string(data))
	if err != nil {
		return nil, err
	}
	for i := range s.steps {
		if step := &s.steps[i]; step.verb == "screenshot" && !filepath.IsAbs(step.argument) {
			step.argument = filepath.Join(filepath.Dir(path), step.argument)
		}
	}
	return s, nil
}

// Parse reads a script; name is what errors call it. Every error is an *Error.
func Parse(name, text string) (*Script, error) {
	if len(text) > maxSize {
		return nil, &Error{name, 1, fmt.Errorf("the script has more than %d bytes", maxSize)}
	}
	s := &Script{name: name}
	known := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if i >= maxLines {
			return nil, &Error{name, i + 1, fmt.Errorf("the script has more than %d lines", maxLines)}
		}
		if err := s.add(i+1, line, known); err != nil {
			return nil, &Error{name, i + 1, err}
		}
	}
	return s, nil
}

// verbs are what a line can begin with, for errors.
const verbs = "size, wait-for, expect, absent, type, type-totp, key, capture, screenshot, outcome"

func (s *Script) add(number int, line string, known map[string]bool) error {
	p := &words{rest: line}
	st := step{line: number, text: line, verb: p.word()}
	read, is := map[string]func(*words, *step) error{
		"wait-for": readMatch, "expect": readMatch, "absent": readMatch, "type": readTyped, "type-totp": readTOTP,
		"key": readKey, "capture": readCapture, "screenshot": readText, "outcome": readOutcome,
	}[st.verb]
	if st.verb == "size" {
		return s.readSize(p)
	}
	if !is {
		return fmt.Errorf("unknown step %q, allowed are %s", st.verb, verbs)
	}
	if err := read(p, &st); err != nil {
		return fmt.Errorf("%s: %w", st.verb, err)
	}
	if p.rest != "" {
		return fmt.Errorf("%s: %q stands after the end of the step", st.verb, p.rest)
	}
	if st.verb == "capture" {
		known[st.variable] = true
	} else if st.variable != "" && !known[st.variable] {
		return fmt.Errorf("%s: $%s was not captured before", st.verb, st.variable)
	}
	s.steps = append(s.steps, st)
	return nil
}

func (s *Script) readSize(p *words) error {
	size := p.word()
	if len(s.steps) > 0 || s.Width != 0 {
		return errors.New("size: it stands once, before all steps")
	}
	w, h, _ := strings.Cut(size, "x")
	width, badWidth := strconv.Atoi(w)
	height, badHeight := strconv.Atoi(h)
	if badWidth != nil || badHeight != nil || p.rest != "" || width < tty.MinWidth || width > tty.MaxWidth || height < tty.MinHeight || height > tty.MaxHeight {
		return fmt.Errorf("size: allowed is WIDTHxHEIGHT from %dx%d to %dx%d", tty.MinWidth, tty.MinHeight, tty.MaxWidth, tty.MaxHeight)
	}
	s.Width, s.Height = width, height
	return nil
}

func readMatch(p *words, st *step) error {
	if err := p.match(st); err != nil {
		return err
	}
	return p.duration(st)
}

func readCapture(p *words, st *step) error {
	st.variable = p.word()
	if !variableForm(st.variable) {
		return fmt.Errorf("%q is no name of a variable: capital letters, digits and '_'", st.variable)
	}
	if err := p.match(st); err != nil {
		return err
	}
	if st.pattern == nil || st.pattern.NumSubexp() != 1 {
		return errors.New("a /pattern/ with one (group) is wanted: what the group matches is kept")
	}
	return p.duration(st)
}

func readTyped(p *words, st *step) error {
	if strings.HasPrefix(p.rest, "$") {
		return readVariable(p, st)
	}
	return readText(p, st)
}

func readTOTP(p *words, st *step) error { return readVariable(p, st) }

func readVariable(p *words, st *step) error {
	word := p.word()
	name, dollar := strings.CutPrefix(word, "$")
	if !dollar || !variableForm(name) {
		return fmt.Errorf("%q is no variable like $CODE", word)
	}
	st.variable = name
	return nil
}

func readText(p *words, st *step) error {
	text, err := p.quoted()
	st.argument = text
	return err
}

func readKey(p *words, st *step) error {
	st.argument = p.word()
	if !tty.KnownKey(st.argument) {
		return fmt.Errorf("unknown key %q, allowed are a single character or %s", st.argument, tty.Keys())
	}
	return nil
}

func readOutcome(p *words, st *step) error {
	st.argument = p.word()
	switch st.argument {
	case "login", "denied", "canceled", "undefined":
		return p.duration(st)
	}
	return fmt.Errorf("unknown outcome %q, allowed are login, denied, canceled, undefined", st.argument)
}

func variableForm(name string) bool {
	for i, r := range name {
		letter := r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 32
}

// words takes a line apart.
type words struct{ rest string }

func (w *words) word() string {
	word, rest, _ := strings.Cut(w.rest, " ")
	w.rest = strings.TrimLeft(rest, " \t")
	return word
}

func (w *words) quoted() (string, error) {
	prefix, err := strconv.QuotedPrefix(w.rest)
	if err != nil || prefix[0] == '\'' {
		return "", errors.New("a text in double quotes is wanted")
	}
	w.rest = strings.TrimLeft(w.rest[len(prefix):], " \t")
	return strconv.Unquote(prefix)
}

// match reads a "text" or a /pattern/, in which \/ stands for a slash.
func (w *words) match(st *step) error {
	if !strings.HasPrefix(w.rest, "/") {
		text, err := w.quoted()
		if err == nil && tty.Flat(text) == "" {
			err = errors.New("the text is blank")
		}
		st.argument = text
		return err
	}
	end := 1
	for end < len(w.rest) && w.rest[end] != '/' {
		if w.rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(w.rest) {
		return errors.New("the /pattern/ does not end")
	}
	pattern, err := regexp.Compile(w.rest[1:end])
	if err != nil {
		return fmt.Errorf("the pattern is wrong: %w", err)
	}
	st.pattern, w.rest = pattern, strings.TrimLeft(w.rest[end+1:], " \t")
	return nil
}

// duration reads how long to wait at most, when that stands there.
func (w *words) duration(st *step) error {
	if w.rest == "" {
		return nil
	}
	word := w.word()
	wait, err := time.ParseDuration(word)
	if err != nil || wait <= 0 || wait > maxWait {
		return fmt.Errorf("%q is no time to wait, allowed is 1ms to %v", word, maxWait)
	}
	st.wait = wait
	return nil
}
