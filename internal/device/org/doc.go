// Package org is the org as the Mac meets it at a login: where it is, whether
// it answers, and the client that talks to it.
//
// It knows that online means that the org itself has just answered, and why it
// did not. It must never take the word of an interface, a name server or a
// sign-in page of some network for that, send the client secret to whom the
// profile does not name, or follow where an answer leads.
package org
