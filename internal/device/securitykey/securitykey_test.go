package securitykey_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestAKeyIsTouched(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{})
	p.done(nil, "Touch your security key")
	if p.verified {
		t.Error("a key without a PIN has verified somebody")
	}
	soon(t, "the key is free for others", func() bool { return k.Open() == 0 })
}

func TestTheMacWaitsForAKey(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{})
	p.ok(k.Pull())
	p.onShow = func(s wire.Screen) {
		if strings.Contains(s.Text, "Plug your security key") {
			p.ok(k.PutIn())
		}
	}
	p.done(nil, "Plug your security key", "Touch your security key")
}

func TestOneOfSeveralIsChosenByATouch(t *testing.T) {
	p := newPerson(t)
	other := p.plugs("other", softkey.Options{})
	k := p.buys("mine", softkey.Options{})
	other.SetTouch(softkey.OnDemand)
	p.done(nil, "Several security keys", "Touch your security key")
	soon(t, "the other key has stopped blinking", func() bool { return !other.Blinking() })
	k.SetTouch(softkey.OnDemand)

	// One more is plugged in while two wait: it can be touched as well.
	third := newPerson(t)
	third.dir, third.Keys = p.dir, p.Keys
	late := third.buys("third", softkey.Options{})
	p.ok(late.Pull())
	asked := 0
	third.onShow = func(s wire.Screen) {
		if strings.Contains(s.Text, "Several") {
			if asked++; asked == 1 {
				go func() {
					soon(t, "the keys blink", func() bool { return other.Blinking() && k.Blinking() })
					if err := late.PutIn(); err != nil {
						t.Error(err)
					}
				}()
			}
		}
	}
	third.done(nil, "Several", "Several", "Touch your security key")
}

func TestAPINWithItsTries(t *testing.T) {
	p := newPerson(t)
	p.buys("a", softkey.Options{PIN: "p-i n9"})
	p.does = append(p.does, types("no"), types("wrong"), types("p-i n9"))
	p.done([]string{"key_pin_wrong"}, "8 tries are left", "8 tries are left before the key locks for good. [A key's PIN has 4", "7 tries are left before the key locks for good. [That is not the PIN", "Touch")
	if !p.verified {
		t.Error("the PIN has verified nobody")
	}
}

func TestThreeWrongPINsWantTheKeyPulledOut(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		p := newPerson(t)
		k := p.buys("a", softkey.Options{PIN: "123456", Protocols: []int{protocol}})
		p.does = append(p.does, types("000001"), types("000002"), types("000003"), types("123456"))
		p.onShow = func(s wire.Screen) {
			if strings.Contains(s.Text, "Then plug it in again") {
				p.ok(k.Pull())
			}
			if strings.Contains(s.Text, "Plug your security key") {
				p.ok(k.PutIn())
			}
		}
		p.done([]string{"key_pin_wrong", "key_pin_wrong", "key_pin_stopped"}, "6 tries", "Pull it out", "Plug your security key into", "5 tries", "Touch")
	}
}

func TestALockedKeySaysSo(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{PIN: "123456"})
	spare := newPerson(t) // another key, in the pocket
	for range 8 {
		p.does = append(p.does, types("654321"))
	}
	p.onShow = func(s wire.Screen) {
		switch {
		case strings.Contains(s.Text, "Then plug it in again"):
			p.ok(k.Pull())
		case strings.Contains(s.Text, "Plug your security key"):
			p.ok(k.PutIn())
		}
	}
	p.does = append(p.does, again(), again(func() {
		p.ok(k.Pull())
		spare.dir, spare.Keys = p.dir, p.Keys
		spare.buys("b", softkey.Options{})
		p.credential = spare.credential
	}))
	p.done([]string{"key_pin_wrong", "key_pin_wrong", "key_pin_stopped", "key_pin_wrong", "key_pin_wrong", "key_pin_stopped", "key_pin_wrong", "key_pin_locked", "key_pin_locked"},
		"This is the last try", "This key is locked", "This key is locked", "Touch")
}

func TestAKeyThatIsPulledOut(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{PIN: "123456"})
	k.SetTouch(softkey.OnDemand)
	p.does = append(p.does, types("123456"), types("123456"))
	touches, pulled := 0, make(chan error, 1)
	p.onShow = func(s wire.Screen) {
		switch {
		case strings.Contains(s.Text, "Touch your"):
			touches++
			go func(nth int) {
				soon(t, "the key blinks", k.Blinking)
				if nth == 1 {
					pulled <- k.Pull()
					return
				}
				k.Touch()
			}(touches)
		case strings.Contains(s.Text, "Plug your"):
			p.ok(<-pulled)
			p.ok(k.PutIn())
		}
	}
	p.done([]string{"key_pulled_out"}, "Touch", "Plug your security key into this Mac. [The key was pulled out", "tries", "Touch")
}

func TestAKeyOfSomebodyElse(t *testing.T) {
	p := newPerson(t)
	mine := p.buys("mine", softkey.Options{})
	p.ok(mine.Pull())
	theirs := p.plugs("theirs", softkey.Options{})
	p.does = append(p.does, again(func() { p.ok(theirs.Pull()); p.ok(mine.PutIn()) }))
	p.done([]string{"key_not_theirs"}, "not set up for you", "Touch")
}

// TestBrokenKeys: whatever a key says, the person reads that it is the key, and
// a key that works gets them on.
func TestBrokenKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		fault softkey.Fault
		event string
		words string
	}{
		"wrong sequence": {softkey.WrongSequence, "key_nonsense", "no security key should say"},
		"too long":       {softkey.TooLong, "key_nonsense", "no security key should say"},
		"empty":          {softkey.Empty, "key_nonsense", "no security key should say"},
		"garbage":        {softkey.Garbage, "key_nonsense", "no security key should say"},
		"indefinite":     {softkey.Indefinite, "key_nonsense", "no security key should say"},
		"deep":           {softkey.Deep, "key_nonsense", "no security key should say"},
		"repeated":       {softkey.Repeated, "key_nonsense", "no security key should say"},
		"trailing":       {softkey.Trailing, "key_nonsense", "no security key should say"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t)
			k := p.buys("a", softkey.Options{})
			k.Break(tt.fault)
			p.does = append(p.does, again(func() { k.Break(softkey.None) }))
			p.done([]string{tt.event}, tt.words, "Touch")
		})
	}
}

func TestAFinger(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{Fingerprint: true})
	p.done(nil, "Put your finger")
	if !p.verified {
		t.Error("the finger has verified nobody")
	}
	k.SetPIN("123456")
	k.SetFinger(false)
	p.seen, p.signed.Signature = nil, nil
	for range 4 {
		p.does = append(p.does, again())
	}
	p.does = append(p.does, types("123456"))
	if err := p.run(); err != nil || !strings.Contains(p.saw(), "did not recognize your finger") || !strings.Contains(p.saw(), "tries are left") || len(p.signed.Signature) == 0 {
		t.Errorf("%v, %q\n%s", err, p.refused, p.saw())
	}
}

func TestWhatIsAskedOfAKey(t *testing.T) {
	for name, tt := range map[string]struct {
		key    softkey.Options
		verify securitykey.Verification
		event  string // "" where the key signs
		words  string
	}{
		"required, and it has no PIN":     {softkey.Options{}, securitykey.Required, "key_without_pin", "asks for a key with a PIN"},
		"discouraged, and it has a PIN":   {softkey.Options{PIN: "123456"}, securitykey.Discouraged, "", "Touch your"},
		"its PIN has to be changed":       {softkey.Options{PIN: "123456", ForcePINChange: true}, securitykey.Preferred, "key_pin_to_change", "has to be changed"},
		"it is of U2F":                    {softkey.Options{NoCBOR: true}, securitykey.Preferred, "key_too_old", "too old"},
		"a key of CTAP 2.0 with a finger": {softkey.Options{Fingerprint: true, NoPermissions: true, Versions: []string{"FIDO_2_0"}}, securitykey.Required, "", "Put your finger"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t)
			p.use.Verify = tt.verify
			if tt.key.NoCBOR || tt.key.ForcePINChange {
				p.plugs("a", tt.key)
			} else {
				p.buys("a", tt.key)
			}
			err := p.run()
			if !strings.Contains(p.saw(), tt.words) {
				t.Errorf("%v:\n%s", err, p.saw())
			}
			if tt.event == "" {
				if err != nil || len(p.refused) > 0 {
					t.Errorf("%v, %q", err, p.refused)
				}
			} else if !errors.Is(err, errGone) || len(p.refused) != 1 || p.refused[0] != tt.event {
				t.Errorf("%v, events %q", err, p.refused)
			}
		})
	}
}

// TestWhoGoesAnotherWayLeavesNoKeyBlinking: the conversation has ended, and
// nobody must touch the key for it any more.
func TestWhoGoesAnotherWayLeavesNoKeyBlinking(t *testing.T) {
	p := newPerson(t)
	k := p.buys("a", softkey.Options{})
	k.SetTouch(softkey.Never)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.onShow = func(s wire.Screen) {
		if strings.Contains(s.Text, "Touch your") {
			go func() { soon(t, "the key blinks", k.Blinking); cancel() }()
		}
	}
	if err := p.Run(ctx, p.ask, p.use); !errors.Is(err, context.Canceled) || len(p.refused) > 0 {
		t.Errorf("%v, %q", err, p.refused)
	}
	soon(t, "the key has stopped blinking", func() bool { return !k.Blinking() })
}

// TestOursIsNoKeysFault: what this Mac could not do is no event of a key's, and
// nobody is told to try another.
func TestOursIsNoKeysFault(t *testing.T) {
	p := newPerson(t)
	p.buys("a", softkey.Options{})
	full := errors.New("the disk is full")
	sign := p.use.Do
	for what, do := range map[string]func() error{
		"to keep what was signed": func() error { return securitykey.Ours(full) },
	} {
		p.use.Do = func(ctx context.Context, key *ctap.Key, with securitykey.With) error {
			return errors.Join(sign(ctx, key, with), do())
		}
		if err := p.run(); !errors.Is(err, full) || len(p.refused) > 0 {
			t.Errorf("%s: %v, %q", what, err, p.refused)
		}
	}
	p.use.Do, p.use.Refused = func(context.Context, *ctap.Key, securitykey.With) error { return &securitykey.Rejected{Reason: "x"} }, func(string) error { return full }
	if err := p.run(); !errors.Is(err, full) {
		t.Errorf("an event that could not be kept: %v", err)
	}
}
