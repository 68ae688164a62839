// Package vault holds the server's master key and seals what must not lie in
// the database in the clear.
//
// It knows the key file, keys derived from it for one purpose each, and
// authenticated encryption bound to the row that a sealed value belongs to. It
// never writes the key anywhere but its file, and never puts it into an error.
package vault
