// Package console serves the web pages of administrators and the help desk.
//
// It knows how things are shown, asked for and said, and which cookie is whose.
// What may be done, and what is recorded of it, is package desk's; who somebody
// is, package signin's. A page must never hold a secret longer than it is
// needed, and no secret ever stands in a URL, a log line or a cookie that a
// script can read.
package console
