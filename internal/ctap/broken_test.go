package ctap_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
)

// What a broken key answers is refused for what it is, and the channel is as
// good as new once the key is.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	soft, key := plug(t, softkey.Options{})
	enrolled := enrol(t, key)
	for name, c := range map[string]struct {
		fault softkey.Fault
		want  error
	}{
		"empty":                {softkey.Empty, ctap.ErrNonsense},
		"garbage":              {softkey.Garbage, ctap.ErrNonsense},
		"indefinite length":    {softkey.Indefinite, ctap.ErrNonsense},
		"nested too deep":      {softkey.Deep, ctap.ErrNonsense},
		"a key twice":          {softkey.Repeated, ctap.ErrNonsense},
		"trailing bytes":       {softkey.Trailing, ctap.ErrNonsense},
		"wrong sequence":       {softkey.WrongSequence, ctap.ErrNonsense},
		"too long":             {softkey.TooLong, ctap.ErrNonsense},
		"spurious report":      {softkey.Spurious, ctap.ErrNonsense},
		"others' reports":      {softkey.OtherChannels, nil},
		"always busy":          {softkey.Busy, ctap.ErrBusy},
		"nothing is wrong":     {softkey.None, nil},
		"not touched, it says": {softkey.NoTouchFlag, nil}, // for Verify to refuse
	} {
		soft.Break(c.fault)
		_, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		soft.Break(softkey.None)
		signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
		if err == nil {
			enrolled.Counter, err = ctap.Verify(signed, enrolled, clientData(), false)
		}
		if err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// An answer that breaks off or never comes is not waited for without end, and
// is nobody's answer later.
func TestAnswersThatDoNotCome(t *testing.T) {
	for name, fault := range map[string]softkey.Fault{"breaks off": softkey.Dribble, "never comes": softkey.Silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			soft, key := plug(t, softkey.Options{})
			enrolled := enrol(t, key)
			soft.Break(fault)
			if _, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil); !errors.Is(err, ctap.ErrSilent) {
				t.Errorf("%v", err)
			}
			soft.Break(softkey.None)
			signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
			if err == nil {
				_, err = ctap.Verify(signed, enrolled, clientData(), false)
			}
			if err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// Credentials are made by good keys only.
func TestBrokenCredentials(t *testing.T) {
	for fault, want := range map[softkey.Fault]error{
		softkey.WrongRP: ctap.ErrRP, softkey.NoTouchFlag: ctap.ErrNotPresent, softkey.Deep: ctap.ErrNonsense, softkey.Repeated: ctap.ErrNonsense,
	} {
		soft, key := plug(t, softkey.Options{})
		soft.Break(fault)
		if _, err := key.MakeCredential(t.Context(), newCredential(nil, false), nil); !errors.Is(err, want) {
			t.Errorf("fault %d: %v, want %v", fault, err, want)
		}
	}
}

func TestAssertionsThatProveNothing(t *testing.T) {
	soft, key := plug(t, softkey.Options{})
	enrolled := enrol(t, key)
	for fault, want := range map[softkey.Fault]error{
		softkey.WrongRP: ctap.ErrRP, softkey.NoTouchFlag: ctap.ErrNotPresent, softkey.WrongSignature: ctap.ErrSignature,
	} {
		soft.Break(fault)
		signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ctap.Verify(signed, enrolled, clientData(), false); !errors.Is(err, want) {
			t.Errorf("fault %d: %v, want %v", fault, err, want)
		}
	}
	soft.Break(softkey.None)
	signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctap.Verify(signed, enrolled, ctap.ClientData(ctap.KindGet, []byte("an old challenge"), origin), false); !errors.Is(err, ctap.ErrSignature) {
		t.Errorf("other client data: %v", err)
	}
	if _, err := ctap.Verify(signed, enrolled, clientData(), true); !errors.Is(err, ctap.ErrNotVerified) {
		t.Errorf("a user who was not verified: %v", err)
	}
	other := enrolled
	other.CredentialID = append([]byte{1}, other.CredentialID...)
	if _, err := ctap.Verify(signed, other, clientData(), false); !errors.Is(err, ctap.ErrOtherCredential) {
		t.Errorf("another credential: %v", err)
	}
	other = enrol(t, key)
	other.CredentialID = enrolled.CredentialID
	if _, err := ctap.Verify(signed, other, clientData(), false); !errors.Is(err, ctap.ErrSignature) {
		t.Errorf("another public key: %v", err)
	}
}

// A copy of a key signs as well as the key, and is found out by the counter.
func TestCopiedKeyIsFoundOut(t *testing.T) {
	dir := t.TempDir()
	soft, err := softkey.Plug(dir, "key", softkey.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer soft.Close()
	key := openIn(t, dir, "key.sock")
	enrolled := enrol(t, key)
	clone, err := soft.Clone(dir, "copy")
	if err != nil {
		t.Fatal(err)
	}
	defer clone.Close()
	for range 2 {
		signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
		if err != nil {
			t.Fatal(err)
		}
		if enrolled.Counter, err = ctap.Verify(signed, enrolled, clientData(), false); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := openIn(t, dir, "copy.sock").GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil)
	if err != nil {
		t.Fatal(err)
	}
	if counter, err := ctap.Verify(signed, enrolled, clientData(), false); !errors.Is(err, ctap.ErrCloned) || counter != 2 {
		t.Errorf("the copy: counter %d, %v", counter, err)
	}
	soft.Break(softkey.CounterBack)
	if signed, err = key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ctap.Verify(signed, enrolled, clientData(), false); !errors.Is(err, ctap.ErrCloned) {
		t.Errorf("a counter that goes back: %v", err)
	}
}

// onBlink calls f, once, when the key begins to wait for a touch.
func onBlink(f func()) func(ctap.Waiting) {
	return func(w ctap.Waiting) {
		if w == ctap.UserPresence {
			f()
		}
	}
}

func TestKeyIsPulledOutWhileItBlinks(t *testing.T) {
	soft, key := plug(t, softkey.Options{})
	soft.SetTouch(softkey.Never)
	pulled := make(chan error, 1)
	_, err := key.MakeCredential(t.Context(), newCredential(nil, false), onBlink(func() { go func() { pulled <- soft.Pull() }() }))
	if !errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("pulled out: %v", err)
	}
	if err := <-pulled; err != nil {
		t.Error(err)
	}
	if _, err := key.PINRetries(t.Context()); !errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("afterwards: %v", err)
	}
}

// The daemon closes the channel when it ends; whoever waits is told.
func TestChannelIsClosedWhileKeyBlinks(t *testing.T) {
	soft, key := plug(t, softkey.Options{})
	soft.SetTouch(softkey.Never)
	_, err := key.MakeCredential(t.Context(), newCredential(nil, false), onBlink(func() { go key.Close() }))
	if !errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("closed: %v", err)
	}
}

func TestCancelledKeyCanBeUsed(t *testing.T) {
	soft, key := plug(t, softkey.Options{})
	enrolled := enrol(t, key)
	soft.SetTouch(softkey.OnDemand)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := key.GetAssertion(ctx, wanted(nil, enrolled.CredentialID), onBlink(cancel))
	if !errors.Is(err, ctap.ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if soft.Blinking() {
		t.Error("the key still blinks")
	}
	signed, err := key.GetAssertion(t.Context(), wanted(nil, enrolled.CredentialID), onBlink(soft.Touch))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctap.Verify(signed, enrolled, clientData(), false); err != nil {
		t.Error(err)
	}
	if _, err := key.GetAssertion(ctx, wanted(nil, enrolled.CredentialID), nil); !errors.Is(err, ctap.ErrCancelled) {
		t.Errorf("cancelled before it began: %v", err)
	}
}

func TestNobodyTouches(t *testing.T) {
	soft, key := plug(t, softkey.Options{Patience: time.Millisecond})
	soft.SetTouch(softkey.Never)
	if err := key.Select(t.Context(), nil); !errors.Is(err, ctap.ErrTimeout) {
		t.Errorf("never touched: %v", err)
	}
}

func TestKeysThatAreNotFIDO2(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]softkey.Options{"u2f": {NoCBOR: true}, "draft": {Versions: []string{"U2F_V2", "FIDO_2_1_PRE"}}} {
		soft, err := softkey.Plug(dir, name, o)
		if err != nil {
			t.Fatal(err)
		}
		defer soft.Close()
		channel, err := hid.Folder(dir).Open(t.Context(), hid.Port{Name: name + ".sock"})
		if err == nil {
			defer channel.Close()
			_, err = ctap.Open(t.Context(), channel)
		}
		if !errors.Is(err, ctap.ErrNotFIDO2) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPortsThatAreNotThere(t *testing.T) {
	dir := t.TempDir()
	lister := hid.Folder(dir)
	if _, err := lister.Open(t.Context(), hid.Port{Name: "gone.sock"}); !errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("gone: %v", err)
	}
	if _, err := lister.Open(t.Context(), hid.Port{Name: "../key.sock"}); err == nil || errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("elsewhere: %v", err)
	}
	if _, err := hid.Folder(dir + "/none").Ports(t.Context()); err == nil {
		t.Error("a folder that is not there has ports")
	}
}
