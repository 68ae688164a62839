package store

import "errors"

// FileKey refuses: a Mac has a keychain, and a key in a file would be weaker
// than what is promised for it.
func FileKey(string) ([]byte, error) {
	return nil, errors.New("make the sealing key: on a Mac it is kept in the System keychain, never in a file")
}
