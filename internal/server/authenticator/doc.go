// Package authenticator is the page that a person's phone keeps open, or is
// called back to: it asks about a sign-in, and takes the answer. The same page
// sets a phone or a security key up, by an invitation.
//
// It knows browsers by their cookies, and tells a locked one only that something
// waits. What is right is for package factor: nothing is shown or answered here
// without an unlocked session of that very phone, and no request without limits.
package authenticator
