//go:build cgo && !terminalpanel

package main

import "github.com/latchkey-mfa/latchkey/plugin/panel/native"

// languages are those of the login window.
func languages() []string { return native.Languages() }
