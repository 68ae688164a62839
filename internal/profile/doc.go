// Package profile is the file that an administrator gives to an MDM: the four
// shapes in which consoles take the settings, how each is read, written,
// looked through, explained and turned into another.
//
// It reads a file however broken it is, and says where the trouble begins and
// what to do about it; what the keys mean it leaves to internal/policy. It takes
// bytes and gives values: it opens nothing, reads no clock and asks nobody. It
// must never show a secret, in a finding, a difference or an explanation; must
// never change what belongs to other vendors, or mend what has more than one
// answer; and must never trust the signature of a profile, which it only
// reports.
package profile
