package mechanism

import (
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// readContact is what the contact file says, empty where it says nothing: the
// person can go on without it.
func readContact(path string) wire.ContactFile {
	var c wire.ContactFile
	if err := readTrusted(path, &c); err != nil || c.V != wire.Version {
		return wire.ContactFile{}
	}
	return c
}

// absence is the one screen that the plug-in makes by itself: the daemon does
// not answer, this is whom to call, go on and let the gate decide.
func absence(seq uint64, c wire.ContactFile, w words.Words) wire.Screen {
	s := wire.Screen{
		Seq: seq, Kind: wire.KindNotice, Title: w.Text("absentTitle"), Text: w.Text("absentText"),
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: w.Text("continue"), Role: wire.RoleDefault}},
	}
	add := func(label, value, spoken string) {
		if value != "" {
			s.Facts = append(s.Facts, wire.Fact{Label: w.Text(label), Value: value, Spoken: spoken})
		}
	}
	if c.AdminEmail != "" || c.AdminPhone != "" {
		s.Text += " " + w.Text("absentCall")
	}
	c = bounded(c)
	add("adminEmail", c.AdminEmail, c.AdminEmail)
	add("adminPhone", c.AdminPhone, spelled(c.AdminPhone))
	add("computer", c.Name, c.Name)
	add("serial", c.Serial, spelled(c.Serial))
	return s
}

// maxFact is how much of a line of the contact file is shown.
const maxFact = 256

func bounded(c wire.ContactFile) wire.ContactFile {
	for _, s := range []*string{&c.Name, &c.Serial, &c.AdminEmail, &c.AdminPhone} {
		*s = strings.ToValidUTF8(*s, "")
		for len(*s) > maxFact {
			_, size := utf8.DecodeLastRuneInString(*s)
			*s = (*s)[:len(*s)-size]
		}
	}
	return c
}

// spelled puts a space after each character, so that a screen reader says them
// one by one.
func spelled(s string) string { return strings.Join(strings.Split(s, ""), " ") }
