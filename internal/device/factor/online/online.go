package online

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/device/org"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// The factors' names in AllowedFactors, and what people call them.
const (
	KindPush  = "OV_Push"
	KindCode  = "OV_TOTP"
	KindKey   = "FIDO2_USB_key"
	LabelPush = "Push to your phone"
	LabelCode = "Code from your organization's app"
	LabelKey  = "Security key"
)

// Client is what package directauth does for the factors.
type Client interface {
	Push(ctx context.Context, user string) (directauth.OOB, error)
	Await(ctx context.Context, oob directauth.OOB) (directauth.Tokens, error)
	OTP(ctx context.Context, user, code string) (directauth.Tokens, error)
	KeyClient
}

// KeyClient is what it does for security keys.
type KeyClient interface {
	WebAuthn(ctx context.Context, user string) (directauth.WebAuthnChallenge, error)
	AnswerWebAuthn(ctx context.Context, challenge directauth.WebAuthnChallenge, a directauth.Assertion) (directauth.Tokens, error)
}

// Keys asks the person for a security key, as package securitykey does.
type Keys interface {
	Run(ctx context.Context, ask factor.Ask, use securitykey.Use) error
}

// Org is what package org does for them.
type Org interface {
	Standing() (online bool, reason string)
	Client(ctx context.Context) (Client, error)
	Failed(err error)
}

// At is the org that the profile names.
func At(o *org.Org) Org { return at{o} }

type at struct{ *org.Org }

// Client implements Org.
func (a at) Client(ctx context.Context) (Client, error) {
	client, err := a.Org.Client(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the org: %w", err)
	}
	return client, nil
}

// Links is what package linking does for them.
type Links interface {
	Of(guid string) (link linking.Link, linked bool, err error)
	Prelink(guid string) (string, error)
	Free(guid, login, subject string) error
	Put(guid, login, subject, kind string, why linking.Grounds) error
	Reject(guid, login, why string) error
}

// Journal takes the events of refused factors.
type Journal interface {
	Record(name, guid string, detail ...string) error
}

// Factors makes the factors and the linker. All fields are needed.
type Factors struct {
	Org     Org
	Links   Links
	Journal Journal
	// Mac is what the person reads to tell this Mac from others.
	Mac func() string
	// Linking is AccountLinkingMFAFactor and LatchkeyLinkedUser.
	Linking func() (kind, assigned string)
	// Number says that a push without a number to match is not to be taken.
	Number func() bool
	Report func(doing string, err error)
	Keys   Keys
	// Origin is the org's as a browser has it, if a key may sign for that relying
	// party there.
	Origin func(rpID string) (origin string, ok bool)
}

// Push is OV_Push.
func (f *Factors) Push() factor.Factor { return push{f} }

// Code is OV_TOTP.
func (f *Factors) Code() factor.Factor { return code{f} }

// Key is FIDO2_USB_key.
func (f *Factors) Key() factor.Factor { return key{f} }

// Linker ties accounts to users of the org.
func (f *Factors) Linker() factor.Linker { return linker{f} }

// ready: who is linked has the factor, as far as this Mac can know; whether
// there is a phone, the org says when it is asked.
func (f *Factors) ready(account factor.Account) (bool, factor.Reason) {
	_, linked, err := f.Links.Of(account.GUID)
	if err != nil {
		// An account whose link cannot be read may well be linked: saying that
		// it is not would open the way to linking it to another.
		f.Report("read the link of an account", err)
		return true, textUnreadable
	}
	if !linked {
		return false, ""
	}
	_, reason := f.Org.Standing()
	return true, factor.Reason(reason)
}

// user is whom the org is asked about.
type user struct {
	account factor.Account
	login   string
	subject string // "" while linking: then any is taken here, and linking looks at it
}

func (f *Factors) linked(account factor.Account) (user, error) {
	link, linked, err := f.Links.Of(account.GUID)
	if err != nil {
		return user{}, err
	}
	if !linked {
		return user{}, errors.New("the account is linked to nobody")
	}
	return user{account: account, login: link.Login, subject: link.Subject}, nil
}

// shown is how asking the org ended: with whom it has verified, or with a note
// for the person. again says that the same factor may be tried once more.
type shown struct {
	who   directauth.Claims
	ok    bool
	note  string
	again bool
}

// taken looks at whom the org has verified: the token must be of the user that
// was asked about, whatever else the org says.
func (f *Factors) taken(u user, kind string, tokens directauth.Tokens) shown {
	who := tokens.Claims
	switch {
	case who.Subject == "":
		return f.refused(u, kind, "no_subject", shown{note: textMisconfigured})
	case u.subject != "" && who.Subject != u.subject:
		return f.refused(u, kind, "another_user", shown{note: textAnother})
	}
	return shown{who: who, ok: true}
}

// failed says what an error of the org means.
func (f *Factors) failed(u user, kind string, err error) shown {
	switch {
	case errors.Is(err, directauth.ErrDenied):
		return f.refused(u, kind, "denied", shown{note: textDenied, again: true})
	case errors.Is(err, directauth.ErrExpired):
		return f.refused(u, kind, "expired", shown{note: expired(kind), again: true})
	case errors.Is(err, directauth.ErrInvalidCredentials):
		return f.refused(u, kind, "wrong", shown{note: wrong(kind), again: true})
	case errors.Is(err, directauth.ErrRateLimited):
		return f.refused(u, kind, "rate_limited", shown{note: textTooMany})
	case errors.Is(err, directauth.ErrNotEnrolled), errors.Is(err, directauth.ErrNotAssigned):
		return f.refused(u, kind, "not_enrolled", shown{note: notEnrolled(kind)})
	case errors.Is(err, directauth.ErrClient), errors.Is(err, directauth.ErrIDToken), errors.Is(err, directauth.ErrAnswer):
		f.Report("verify "+kind+" with the org", err)
		return shown{note: textMisconfigured}
	}
	f.Report("reach the org", err)
	var answer *directauth.Error
	if errors.As(err, &answer) && answer.Code != "" {
		return shown{note: textMisconfigured} // it did answer, with what nothing here stands for
	}
	f.Org.Failed(err)
	return shown{note: org.Why(err)}
}

// refused is an event: a factor was asked for and not shown.
func (f *Factors) refused(u user, kind, reason string, s shown) shown {
	if err := f.Journal.Record(eventReject, u.account.GUID, "kind", kind, "reason", reason); err != nil {
		f.Report("queue the event of a refused factor", err)
	}
	return s
}
