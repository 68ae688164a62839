// Package directauth is a client for Okta's direct authentication API: it signs
// a person in with a push, a one-time code, a security key or a password, with
// no browser. It speaks to the org authorization server and to custom ones.
//
// It knows the requests and answers of /primary-authenticate, /challenge and
// /token, how a push is waited for, which refusals a program can act upon, and
// when an ID token is to be believed. It keeps no tokens and no cookies, writes
// no log and starts no goroutine. It must never send a guess twice (an OTP, a
// password, a code that was read off a text message), follow a redirect, or let
// a secret into an error or a printed value. It never returns an ID token that
// it did not verify.
//
// # A push
//
//	c, err := directauth.New(directauth.Config{Issuer: "https://example.okta.com", ClientID: id, ClientSecret: secret})
//	push, err := c.Push(ctx, "ada@example.com")
//	if push.Binding == directauth.BindingTransfer {
//		show(push.BindingCode) // the number to pick on the phone
//	}
//	tokens, err := c.Await(ctx, push)
//	if errors.Is(err, directauth.ErrDenied) { … }
//
// # A password first
//
// Password fails with *[MFARequired] when the org wants more. Its Token goes
// to Challenge, and from there to AnswerOTP, Await, Prompted or AnswerWebAuthn.
//
// # Who signed in
//
// Tokens.Claims says who signed in, not the name that was typed: an org may
// know a person by several. Compare Claims.Subject with the person that you
// expect before you let anyone in. Claims are empty unless the scope openid was
// asked for.
//
// # Errors
//
//   - [Error] is a refusal of the org. errors.Is tells what to do by [ErrDenied],
//     [ErrExpired], [ErrInvalidCredentials], [ErrRateLimited], [ErrClient],
//     [ErrNotAssigned] and [ErrNotEnrolled]; a refusal of another kind is none of
//     them.
//   - [Unreachable] says that the org did not answer, or that something else
//     answered in its place. Reach asks just that, and is the way to tell online
//     from offline.
//   - [InputError] is a mistake in an argument or in the [Config]; nothing was
//     sent.
//   - [ErrAnswer] and [ErrIDToken]: the org answered what this client does not
//     understand or must not believe.
//
// # What is repeated
//
// Config.Retries is how often one call repeats a request. Reach and whatever
// carries a guess (OTP, Password, AnswerOTP, Prompted, AnswerWebAuthn) are sent once.
// What makes a phone ring (Push, OutOfBand, Challenge, ChallengeOutOfBand) is
// repeated only if no connection came about, or the org said 503: two prompts
// on one phone teach people to tap anything. WebAuthn, and fetching the keys
// that ID tokens are signed with, are repeated after any failure to answer and
// after 5xx. Await does not count: it polls until the code ends.
//
// A Client is safe for use by several goroutines.
package directauth
