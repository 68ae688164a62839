package loginright

import (
	"context"
	"errors"
	"fmt"
)

// RehearsalRight is a private right: no program of anybody's asks for it.
const RehearsalRight = "dev.latchkey.rehearsal"

// rehearsals are evaluated before the login window's own right is touched. The
// first has to end with yes: macOS loads the plug-in as root, and the plug-in
// reads the gate file and meets latchkeyd, as the gate does. The second has to
// end with no: what the plug-in says counts, and yes did not come from elsewhere.
//
// Ours is never the first of a list: one that cannot be loaded there is tried
// again for ever (reference §1.3). tries is 1: a denial begins no second round.
func rehearsals() []struct{ mechanism, fails string } {
	return []struct{ mechanism, fails string }{
		{"Latchkey:rehearsal,privileged", "macOS did not run the plug-in, or the plug-in did not reach latchkeyd"},
		{"Latchkey:refusal,privileged", "macOS let a mechanism pass that refuses"},
	}
}

// first is a mechanism of Apple's that asks for nothing and shows nothing: it
// looks for a smart card.
const first = "builtin:smartcard-sniffer,privileged"

// Stage is where a rehearsal takes place: Authd, or a test's.
type Stage interface {
	Database
	Remove(ctx context.Context, right string) error
	Evaluate(ctx context.Context, right string) error
}

// Rehearse has macOS run the plug-in by way of a private right, which it takes
// away again. Any error means: do not arm.
func Rehearse(ctx context.Context, s Stage) (err error) {
	defer func() {
		// With whatever happened above: the right must not stay.
		if gone := s.Remove(context.WithoutCancel(ctx), RehearsalRight); gone != nil && err == nil {
			err = fmt.Errorf("take the rehearsal's right away: %w", gone)
		}
	}()
	for i, r := range rehearsals() {
		if err := s.Write(ctx, RehearsalRight, rehearsalRight(r.mechanism)); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		err := s.Evaluate(ctx, RehearsalRight)
		refused := errors.Is(err, ErrDenied)
		if err != nil && !refused {
			return fmt.Errorf("rehearse: %s: %w", rehearsals()[0].fails, err)
		}
		if wantsYes := i == 0; wantsYes == refused {
			return fmt.Errorf("rehearse: %s", r.fails)
		}
	}
	return nil
}

func rehearsalRight(mechanism string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>class</key>
	<string>` + evaluates + `</string>
	<key>comment</key>
	<string>Latchkey looks whether macOS runs its plug-in. It takes this right away again; remove it if you find it.</string>
	<key>mechanisms</key>
	<array>
		<string>` + first + `</string>
		<string>` + mechanism + `</string>
	</array>
	<key>shared</key>
	<false/>
	<key>tries</key>
	<integer>1</integer>
</dict>
</plist>
`)
}
