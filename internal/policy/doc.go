// Package policy is what an administrator has set: the keys of
// com.okta.deviceaccess.servicedaemon, their kinds, units, defaults and ranges.
//
// It knows each key in one table, turns the property list of a profile into a
// typed policy whose every value knows whether it was forced or is the default,
// and says of each bad key what was there, what is allowed and where it stands.
// It is pure: it opens nothing, reads no clock and is used on both sides of the
// wire. It must never give a policy out of a profile with an error in it, must
// never show a secret, and must never decide a login; it says what the rules
// are.
package policy
