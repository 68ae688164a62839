// Package scim reads the filter expressions of SCIM (RFC 7644 §3.4.2.2) as
// Okta's API takes them, and puts them into SQL.
//
// It knows the grammar without value paths in brackets, bounds what it reads,
// and knows no attribute itself: whoever asks says which there are, where each
// stands and how it may be compared. Anything else is refused by name. It must
// never put a word of the expression into the SQL: every value is an argument.
package scim
