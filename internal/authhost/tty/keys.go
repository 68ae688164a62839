package tty

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// keyBytes are the bytes that a terminal sends for a named key, as xterm does.
func keyBytes(name string) (string, bool) {
	named := map[string]string{
		"enter": "\r", "esc": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "space": " ",
		"backspace": "\x7f", "delete": "\x1b[3~", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C",
		"left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F", "pgup": "\x1b[5~", "pgdown": "\x1b[6~",
		"f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~",
		"f7": "\x1b[18~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f10": "\x1b[21~", "f11": "\x1b[23~", "f12": "\x1b[24~",
	}
	for letter := 'a'; letter <= 'z'; letter++ {
		named["ctrl+"+string(letter)] = string(letter - 'a' + 1)
	}
	bytes, known := named[name]
	if !known && utf8.RuneCountInString(name) == 1 {
		return name, true
	}
	if name == "" {
		return strings.Join(slices.Sorted(maps.Keys(named)), ", "), false
	}
	return bytes, known
}

// Keys are the names that Press knows beside single characters.
func Keys() string {
	all, _ := keyBytes("")
	return all
}

// Press presses a key: a name of Keys, or a single character.
func (t *Terminal) Press(key string) error {
	bytes, known := keyBytes(key)
	if !known {
		return fmt.Errorf("unknown key %q, allowed are a single character or %s", key, Keys())
	}
	return t.send(bytes)
}

// Type types the text, one key after the other.
func (t *Terminal) Type(text string) error { return t.send(text) }

func (t *Terminal) send(bytes string) error {
	t.input.Lock()
	defer t.input.Unlock()
	if pause := time.Until(t.notSoon); pause > 0 {
		select {
		case <-time.After(pause):
		case <-t.ended:
		}
	}
	select {
	case <-t.ended:
		return ErrEnded
	default:
	}
	if _, err := t.master.WriteString(bytes); err != nil {
		return fmt.Errorf("type on the terminal: %w", err)
	}
	if strings.HasSuffix(bytes, "\x1b") {
		t.notSoon = time.Now().Add(escapePause)
	}
	return nil
}

// KnownKey reports whether Press knows the key.
func KnownKey(name string) bool {
	_, known := keyBytes(name)
	return known
}
