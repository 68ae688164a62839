package hid

import (
	"bytes"
	"testing"
)

// key is the descriptor of a security key: usage page and usage, a collection,
// 64 bytes each way.
func key() []byte {
	return []byte{
		0x06, 0xD0, 0xF1, 0x09, 0x01, 0xA1, 0x01,
		0x09, 0x20, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02,
		0x09, 0x21, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02,
		0xC0,
	}
}

func TestSecurityKeysAreKnownByTheirDescriptor(t *testing.T) {
	keyboard := []byte{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0x19, 0xE0, 0x29, 0xE7, 0xC0}
	within := append([]byte{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01}, append(key(), 0xC0)...)
	long := append([]byte{0xFE, 3, 0x42, 1, 2, 3}, key()...)
	for name, c := range map[string]struct {
		descriptor []byte
		want       bool
	}{
		"a key":                   {key(), true},
		"its usage with the page": {append([]byte{0x0B, 0x01, 0x00, 0xD0, 0xF1}, key()[5:]...), true},
		"after a keyboard":        {append(keyboard, key()...), true},
		"after a long item":       {long, true},
		"a keyboard":              {keyboard, false},
		"within a keyboard":       {within, false},
		"another usage":           {bytes.Replace(key(), []byte{0x09, 0x01}, []byte{0x09, 0x02}, 1), false},
		"breaks off":              {key()[:6], false},
		"breaks off in a long":    {[]byte{0xFE, 9, 1}, false},
		"nothing":                 {nil, false},
		"endless":                 {bytes.Repeat([]byte{0x00}, maxDescriptor+1), false},
	} {
		if got := isSecurityKey(c.descriptor); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
