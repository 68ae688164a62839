package macos

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFact bounds a fact of the hardware, in bytes; a name may be as long as
// macOS lets it be.
const maxFact = 255

// Hardware is what macOS says of the Mac and of itself.
type Hardware struct {
	UUID   string // IOPlatformUUID, spelt as macOS spells it: the store is bound to it
	Serial string // IOPlatformSerialNumber
	Model  string // hw.model, such as MacBookPro18,3
	Name   string // the computer's name, as System Settings shows it
	OS     string // kern.osproductversion, such as 15.1
}

// parseHardware checks what was read, and tidies it. The help desk finds a Mac
// by these and the store is bound to one of them, so none is made up. A name
// that is empty falls back on the host's, as macOS does itself.
func parseHardware(raw Hardware, host string) (Hardware, error) {
	h := Hardware{UUID: fact(raw.UUID), Serial: fact(raw.Serial), Model: fact(raw.Model), Name: fact(raw.Name), OS: fact(raw.OS)}
	if h.Name == "" {
		h.Name = fact(strings.TrimSuffix(host, ".local"))
	}
	var errs []error
	if !isUUID(strings.ToUpper(h.UUID)) {
		errs = append(errs, fmt.Errorf("IOPlatformUUID is %.60q, which is no UUID", raw.UUID))
	}
	for _, f := range []struct{ name, value string }{
		{"IOPlatformSerialNumber", h.Serial}, {"hw.model", h.Model}, {"the computer's name", h.Name}, {"kern.osproductversion", h.OS},
	} {
		if f.value == "" {
			errs = append(errs, errors.New(f.name+" is empty or cannot be read"))
		}
	}
	if len(errs) > 0 {
		return Hardware{}, fmt.Errorf("read the hardware: %w", errors.Join(errs...))
	}
	return h, nil
}

// fact is a value without blanks around it and without its closing NULs; ""
// when it holds anything that no such value holds.
func fact(raw string) string {
	text := strings.TrimSpace(strings.TrimRight(raw, "\x00"))
	if len(text) > maxFact || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	return text
}
