// Package locale reads texts that a person sees, one file for each language, and
// picks the language.
//
// It knows names of languages and files of texts by key. It must never know what
// a text says, and never fail for a language that nobody has written: English
// is always there.
package locale
