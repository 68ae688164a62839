// Package adminapi is the HTTP API of administrators: the part of Okta's that
// fits, at Okta's paths, and the server's own beside it.
//
// It knows how a request is authenticated, and that an answer whose handler
// never asked for a permission does not leave the server. It holds no rule
// about recovery: those are package recovery's.
package adminapi
