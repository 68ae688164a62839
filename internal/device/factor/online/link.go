package online

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxLogin bounds a login, in bytes. What is typed is bounded by wire.MaxValue.
const maxLogin = 256

type linker struct{ *Factors }

// Ready implements factor.Linker.
func (l linker) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	_, linked, err := l.Links.Of(account.GUID)
	if err != nil {
		l.Report("read the link of an account", err)
		return true, textUnreadable // not known to be free, so it is not offered
	}
	if linked {
		return true, ""
	}
	_, reason := l.Org.Standing()
	return false, factor.Reason(reason)
}

// Link implements factor.Linker: who the person is in the org, a factor of
// theirs, and the rules, which are looked at before anything is sent and again
// with the name that the org has verified.
func (l linker) Link(ctx context.Context, account factor.Account, pin bool, ask factor.Ask) (factor.Outcome, error) {
	claim, err := l.claim(account, pin)
	if err != nil {
		return factor.Outcome{}, err
	}
	kind, _ := l.Linking()
	screen := loginScreen(firstNonEmpty(claim.Prelink, claim.Assigned))
	for {
		act, err := ask(ctx, screen)
		if err != nil {
			return factor.Outcome{}, err
		}
		claim.Login = whole(strings.TrimSpace(act.Values["login"]), claim)
		if note, err := l.mayAsk(account, claim); err != nil {
			return factor.Outcome{}, err
		} else if note != "" {
			screen.Note = &wire.Note{Level: wire.LevelError, Text: note}
			continue
		}
		result, err := l.verify(ctx, user{account: account, login: claim.Login}, kind, ask)
		if err != nil {
			return factor.Outcome{}, err
		}
		if !result.ok {
			screen.Note = &wire.Note{Level: wire.LevelError, Text: result.note}
			continue
		}
		return l.link(account, claim, result, kind)
	}
}

// whole is the login that an administrator has named, where its short form was
// typed.
func whole(typed string, claim linking.Claim) string {
	for _, known := range []string{claim.Prelink, claim.Assigned} {
		if local, _, full := strings.Cut(known, "@"); full && typed == local {
			return known
		}
	}
	return typed
}

func (l linker) claim(account factor.Account, pin bool) (linking.Claim, error) {
	prelink, err := l.Links.Prelink(account.GUID)
	_, assigned := l.Linking()
	return linking.Claim{Name: account.Name, Prelink: prelink, Assigned: assigned, PIN: pin}, err
}

// mayAsk looks at a login that was typed, before the org hears of it: a Mac is
// not there to send pushes to whomever one likes.
func (l linker) mayAsk(account factor.Account, claim linking.Claim) (note string, err error) {
	if claim.Login == "" || len(claim.Login) > maxLogin || strings.ContainsFunc(claim.Login, unprintable) {
		return textNoLogin, nil
	}
	_, err = claim.Grounds()
	if err == nil {
		err = l.Links.Free(account.GUID, claim.Login, "")
	}
	return l.rejected(account, "", err)
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f || r > 0x10ff00 }

// rejected makes an event and a note of a claim that is not good. login is the
// one that the org has verified, or "".
func (l linker) rejected(account factor.Account, login string, err error) (note string, _ error) {
	why, note := "not_theirs", textNotYours
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, linking.ErrTaken):
		why, note = "taken", textTaken
	case !errors.Is(err, linking.ErrNotTheirs):
		return "", err
	}
	return note, l.Links.Reject(account.GUID, login, why)
}

func (f *Factors) verify(ctx context.Context, u user, kind string, ask factor.Ask) (shown, error) {
	switch kind {
	case KindPush:
		return f.pushes(ctx, u, ask)
	case KindCode:
		return f.codes(ctx, u, ask)
	}
	return shown{}, fmt.Errorf("linking by %q is not known", kind)
}

// link is made for the name in the token. What was typed may be a short form of
// it, or not that name at all.
func (l linker) link(account factor.Account, claim linking.Claim, result shown, kind string) (factor.Outcome, error) {
	claim.Login = result.who.PreferredUsername
	grounds, err := claim.Grounds()
	if err == nil {
		err = l.Links.Put(account.GUID, claim.Login, result.who.Subject, kind, grounds)
	}
	note, err := l.rejected(account, claim.Login, err)
	if err != nil {
		return factor.Outcome{}, err
	}
	if note != "" {
		return factor.Outcome{Result: factor.Declined, Note: note}, nil
	}
	return factor.Outcome{Result: factor.Linked, Shown: kind, Note: fmt.Sprintf(textLinked, claim.Login)}, nil
}

func firstNonEmpty(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func loginScreen(known string) wire.Screen {
	if len(known) > wire.MaxValue {
		known = "" // its short form is enough
	}
	return wire.Screen{Kind: wire.KindLink, Title: "Connect your organization account",
		Text:    "Type the name that you sign in to your organization with. You are then asked for a second factor, once.",
		Fields:  []wire.Field{{Name: "login", Kind: wire.FieldText, Label: "Organization user name", Value: known}},
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Continue", Role: wire.RoleDefault}}}
}
