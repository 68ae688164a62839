// Package password knows how a password is stored and compared, at a cost that
// makes guessing it slow, and which ones are not taken.
//
// A password is never logged and never quoted by an error, and nothing tells by
// its time whether there is one. Whose it is, and how often one may try, is for
// the packages that ask.
package password
