package hid

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// Every message that can be sent arrives whole, whatever comes between its
// reports on other channels.
func TestMessagesArriveWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Byte(), 0, ctap.MaxMessage).Draw(t, "message")
		if rapid.Bool().Draw(t, "longest") {
			sent = bytes.Repeat([]byte{7}, ctap.MaxMessage)
		}
		id := channelID(rapid.Uint32Range(1, 1<<32-2).Draw(t, "channel"))
		all, err := frames(id, cmdCBOR, sent)
		if err != nil {
			t.Fatal(err)
		}
		in := assembly{channel: id}
		for i, r := range all {
			other := r
			binary.BigEndian.PutUint32(other[:], uint32(id)+1)
			if m, err := in.take(other); m != nil || err != nil {
				t.Fatalf("another channel's report: %v, %v", m, err)
			}
			m, err := in.take(r)
			if err != nil || (m != nil) != (i == len(all)-1) {
				t.Fatalf("report %d of %d: %v, %v", i, len(all), m, err)
			}
			if m != nil && (m.cmd != cmdCBOR || !bytes.Equal(m.data, sent)) {
				t.Fatalf("%d bytes arrived of %d", len(m.data), len(sent))
			}
		}
	})
	if _, err := frames(1, cmdCBOR, make([]byte, ctap.MaxMessage+1)); err == nil {
		t.Error("a message that is too long was framed")
	}
}

func TestReportsOutOfOrder(t *testing.T) {
	all, err := frames(1, cmdCBOR, make([]byte, 300))
	if err != nil {
		t.Fatal(err)
	}
	huge := all[0]
	binary.BigEndian.PutUint16(huge[5:], ctap.MaxMessage+1)
	for name, order := range map[string][]report{
		"begins in the middle": {all[1]},
		"one is missing":       {all[0], all[2]},
		"one comes twice":      {all[0], all[1], all[1]},
		"begins twice":         {all[0], all[0]},
		"too long":             {huge},
	} {
		in := assembly{channel: 1}
		var err error
		for _, r := range order {
			if err != nil {
				t.Errorf("%s: refused too early: %v", name, err)
			}
			_, err = in.take(r)
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestWelcome(t *testing.T) {
	good := append([]byte("12345678"), 0, 0, 0, 9, 2, 5, 4, 3, 0x0D)
	w, err := parseWelcome(append(good, 0))
	if err != nil || w != (welcome{nonce: [8]byte([]byte("12345678")), channel: 9, cbor: true}) {
		t.Errorf("%+v, %v", w, err)
	}
	reserved := bytes.Replace(good, []byte{0, 0, 0, 9}, []byte{0xFF, 0xFF, 0xFF, 0xFF}, 1)
	for name, raw := range map[string][]byte{"short": good[:16], "the channel of all": reserved, "channel 0": bytes.Replace(good, []byte{9}, []byte{0}, 1)} {
		if _, err := parseWelcome(raw); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A key's own name cannot forge a line of the log or fill a screen.
func TestLabel(t *testing.T) {
	for given, want := range map[string]string{
		" Security Key NFC ": "Security Key NFC", "a\nb\x1b[31m": "ab[31m", "\xff\u202ekey": "key", string(bytes.Repeat([]byte("é"), 100)): string(bytes.Repeat([]byte("é"), 64)),
	} {
		if got := label(given); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
	}
}
