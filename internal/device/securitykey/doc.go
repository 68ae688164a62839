// Package securitykey is a person with security keys at this Mac: waiting for
// one to be plugged in, choosing among several by a touch, asking for its PIN,
// and saying what a key has answered.
//
// It knows what each refusal of a key means to the person, and that one always
// leads on: to another try, another key, or another way in. It must never say
// whether somebody may log in: what a key has signed is for who asked. It never
// keeps a PIN beyond the run that it was typed in, and never tries one unasked:
// a few wrong ones lock a key for good.
package securitykey
