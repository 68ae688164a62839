// Package rootfile reads decisions that root has left as a file: the kill-switch,
// and that this Mac is disarmed by hand. It knows that such a file counts only
// where nobody else can have put it there. It must never follow a link.
package rootfile
