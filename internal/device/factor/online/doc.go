// Package online is the factors that the org verifies, Okta Verify's push and
// code (OV_Push, OV_TOTP), and linking an account to its org user with one of
// them.
//
// It knows how they are asked for and what their refusals mean to the person.
// It must never believe anything but an ID token that the org has signed for
// the very user that the account is linked to, never send a code or a push for
// a name that the account may not have, and never keep a token.
package online
