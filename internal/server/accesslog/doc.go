// Package accesslog gives every request an id, and tells in one line of the
// server's log what became of it.
//
// The id is the server's own; one that came with the request is noted and never
// used. It must never log what may be secret: of the address only the pattern
// of its route, of the rest no query, no header but that one, and no body.
package accesslog
