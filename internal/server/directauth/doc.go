// Package directauth is the org's side of Okta's direct authentication API: the
// same requests, answers and errors, for an org without Okta.
//
// It knows clients and their secrets, which grants lead to a token, and how an ID
// token is signed. It is taken only over a Mac's certificate, as a check-in is;
// whether a code or a key is right is for package factor. It never writes a secret, a code
// or a token into a log, and nothing that it answers tells who has an account.
package directauth
