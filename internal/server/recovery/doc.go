// Package recovery registers recovery secrets, issues PINs from them and keeps
// the record of what became of each PIN.
//
// It knows every rule by which a PIN is refused, and that the second a PIN is
// made for is assigned in the database. It never stores, logs or returns a PIN
// but in the one answer of [Book.Issue], and never holds a secret unsealed
// longer than one call.
package recovery
