// Package catalogue says the daemon's screens in the person's language.
//
// It knows the texts of all conversations in English, which is what the engine
// and the factors are written in, and what they are in each other language: one
// file for each. It must never change what a person or a directory wrote (names,
// numbers, codes), and never leave a text out: what it does not know stays English.
package catalogue
