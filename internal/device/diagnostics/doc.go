// Package diagnostics makes the file that an administrator sends to whoever
// helps: how a Mac's Latchkey stands, what it found wrong, and what it logged. It
// knows which words a secret comes with, and takes those out that got in all the
// same. It must never read the store, the keychain or a key, and never stops
// because a part cannot be had: it is made when things are broken.
package diagnostics
