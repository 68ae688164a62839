// Package access says who may do what: the roles, their permissions, the API
// tokens, and the check that every handler must make.
//
// Everything is denied unless the table says otherwise, and a handler that
// forgets to ask is stopped by [Guard]. It never stores a token: only a hash.
package access
