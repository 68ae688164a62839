package hid

import (
	"bytes"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// Whatever reports come, no message is longer than what it announced or than
// any may be, and no other channel's bytes are in it.
func FuzzReports(f *testing.F) {
	for _, size := range []int{0, 57, 58, 300, ctap.MaxMessage} {
		all, err := frames(1, cmdCBOR, bytes.Repeat([]byte{7}, size))
		if err != nil {
			f.Fatal(err)
		}
		var raw []byte
		for _, r := range all {
			raw = append(raw, r[:]...)
		}
		f.Add(raw)
	}
	f.Add([]byte{0, 0, 0, 1, 0x90, 0xFF, 0xFF})
	f.Add([]byte{0, 0, 0, 1, 0x00})
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, taken := assembly{channel: 1}, 0
		for len(raw) > 0 {
			var r report
			raw = raw[copy(r[:], raw):]
			if bytes.Equal(r[:4], []byte{0, 0, 0, 1}) {
				taken += reportSize
			}
			m, err := in.take(r)
			if err != nil {
				return
			}
			if m != nil && (len(m.data) > ctap.MaxMessage || len(m.data) > taken) {
				t.Fatalf("a message of %d bytes from %d", len(m.data), taken)
			}
			if m != nil {
				taken = 0
				again, err := frames(1, m.cmd, m.data)
				if err != nil || len(again) > 1+maxConts {
					t.Fatalf("%d bytes are no message: %v", len(m.data), err)
				}
			}
		}
	})
}

func FuzzWelcome(f *testing.F) {
	f.Add(append([]byte("12345678"), 0, 0, 0, 9, 2, 5, 4, 3, 0x0D))
	f.Add([]byte("1234"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := parseWelcome(raw)
		if err == nil && (w.channel == 0 || w.channel == broadcast || !bytes.HasPrefix(raw, w.nonce[:])) {
			t.Fatalf("%x gives %+v", raw, w)
		}
	})
}

// A descriptor is for a security key only with the usage somewhere in it, and
// stays one when more follows.
func FuzzDescriptor(f *testing.F) {
	f.Add(key())
	f.Add([]byte{0x0B, 0x01, 0x00, 0xD0, 0xF1, 0xA1, 0x01})
	f.Add([]byte{0xFE, 3, 0x42, 1, 2, 3})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !isSecurityKey(raw) {
			return
		}
		if !bytes.Contains(raw, []byte{0xD0, 0xF1}) {
			t.Fatalf("%x has no such usage", raw)
		}
		if len(raw) < maxDescriptor && !isSecurityKey(append(raw, 0xC0)) {
			t.Fatalf("%x is one, and not with more", raw)
		}
	})
}
