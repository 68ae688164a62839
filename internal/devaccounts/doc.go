// Package devaccounts knows the local accounts of a machine that is no Mac:
// a JSON file that stands where Open Directory stands on a Mac, for
// development and tests. It answers who a uid is, whom a typed name means, and
// whether a password fits.
//
// It must never print, log or put into an error a password or its hash, and it
// must never write the file but through Add.
package devaccounts
