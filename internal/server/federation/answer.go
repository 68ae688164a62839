package federation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// maxQuery bounds the provider's answer in the address, in bytes.
const maxQuery = 8 << 10

// answer is the provider's answer as a browser brings it (RFC 6749 §4.1.2).
type answer struct {
	flow, state string
	code        string
	issuer      string // RFC 9207; empty: not sent
	failed      string // error
}

// String hides the code from logs.
func (answer) String() string { return "[answer]" }

// GoString hides the code from %#v.
func (answer) GoString() string { return "[answer]" }

// readAnswer reads the query of the callback. The error is a *Refusal.
func readAnswer(query string) (a answer, err error) {
	bad := func(what string) (answer, error) {
		return answer{}, Refuse(BadAnswer, "The provider's answer "+what+". "+beginAgain)
	}
	if len(query) > maxQuery {
		return bad("is too long")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return bad("cannot be read")
	}
	for name, into := range map[string]*string{"state": &a.state, "code": &a.code, "iss": &a.issuer, "error": &a.failed} {
		// RFC 6749 §3.1: no parameter more than once.
		if len(values[name]) > 1 {
			return bad("says two things at once")
		}
		*into = values.Get(name)
	}
	a.flow, a.state, _ = strings.Cut(a.state, ".")
	switch {
	case !strings.HasPrefix(a.flow, "sso") || len(a.flow) > 32 || strings.ContainsFunc(a.flow, notPlain) || a.state == "":
		return bad("does not say which sign-in it belongs to")
	case (a.code == "") == (a.failed == ""):
		return bad("is neither a code nor an error")
	}
	return a, nil
}

func notPlain(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }

// FlowOf is the id of the flow that an answer belongs to, or empty: the name of
// the cookie in which the browser keeps it.
func FlowOf(query string) string {
	a, err := readAnswer(query)
	if err != nil {
		return ""
	}
	return a.flow
}

// Finish takes the provider's answer, with the flow as the browser kept it. The
// identity is also there, without a role, where that is what is refused. The
// error is a *Refusal, the context's, or the database's.
func (p *Provider) Finish(ctx context.Context, query, sealed string) (Flow, Identity, error) {
	a, err := readAnswer(query)
	if err != nil {
		return Flow{}, Identity{}, err
	}
	f, err := p.open(a, sealed)
	if err != nil {
		return f, Identity{}, err
	}
	// Before the provider is asked: a second answer, true or not, gets nothing.
	first, err := p.spend(ctx, f.ID, FlowLife)
	if err != nil {
		return f, Identity{}, err
	}
	if !first {
		return f, Identity{}, Refuse(FlowUsed, "This sign-in was used already. "+beginAgain)
	}
	who, err := p.exchange(ctx, a, f)
	return f, who, err
}

func (p *Provider) exchange(ctx context.Context, a answer, f Flow) (Identity, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	if a.issuer != "" && a.issuer != p.Issuer || a.issuer == "" && d.sendsIss {
		return Identity{}, Refuse(BadAnswer, "The answer is not this provider's, as far as it says (RFC 9207). "+beginAgain)
	}
	if a.failed != "" {
		return Identity{}, refusedBy(a.failed)
	}
	token, err := p.oauth(d).Exchange(oidc.ClientContext(ctx, d.client), a.code, oauth2.VerifierOption(f.Verifier))
	if ctx.Err() != nil {
		return Identity{}, ctx.Err()
	}
	if err != nil {
		return Identity{}, p.notExchanged(err, a, f)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, Refuse(BadToken, "The provider gave no ID token. Is this client registered for OpenID Connect, with the scope openid?")
	}
	return p.believe(ctx, d, raw, token.AccessToken, f)
}

// notExchanged is why there are no tokens. The library's error holds the whole
// answer, which may repeat what was sent.
func (p *Provider) notExchanged(err error, a answer, f Flow) error {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.ErrorCode != "" {
		return refusedFor(ProviderSaid, "The provider did not take the sign-in's code. "+beginAgain+" If it stays, the client's id, secret or redirect URI is not as it is registered.",
			fmt.Errorf("the token endpoint said %s", said.ErrorCode), a.code, f.Verifier, p.ClientSecret)
	}
	return refusedFor(Unreachable, "The provider did not answer as it should when it was asked who you are. Try again in a minute, or sign in with a local account.",
		err, a.code, f.Verifier, p.ClientSecret)
}

// refusedBy is the provider's own refusal. Its description is not shown: whoever
// makes a link could write on our page with it.
func refusedBy(code string) *Refusal {
	do, known := map[string]string{
		"access_denied":                     "You, or the provider's rules, said no. Ask those who run it whether you may use this application.",
		"login_required":                    "The provider wants you to sign in there first. " + beginAgain,
		"interaction_required":              "The provider wants something of you first. " + beginAgain,
		"consent_required":                  "The provider wants your consent. " + beginAgain,
		"server_error":                      "Something went wrong there. Try again in a minute, or sign in with a local account.",
		"temporarily_unavailable":           "It is busy. Try again in a minute, or sign in with a local account.",
		"unauthorized_client":               "This server is not registered there for this kind of sign-in.",
		"invalid_scope":                     "A scope that this server asks for is not known there: --sso-scope.",
		"invalid_request":                   "It does not take how this server asks.",
		"unsupported_response_type":         "This server is not registered there for the authorization code flow.",
		"unmet_authentication_requirements": "It cannot give the second factor that this server asks for.",
	}[code]
	if !known {
		code, do = "an error", beginAgain
	}
	return Refuse(ProviderSaid, "The provider signed nobody in ("+code+"). "+do)
}
