package devaccounts

import (
	"strings"
)

// Account is a local account.
type Account struct {
	Name     string   // short name, the first record name
	UID      uint32   // never 4294967295
	GID      uint32   // primary group
	GUID     string   // GeneratedUID, in capitals
	FullName string   // may be typed at the login window
	Aliases  []string // further record names, may be typed as well
	Home     string   // absolute path
	Email    string   // may be empty

	password passwordHash
}

// String names the account and nothing of its password.
func (a Account) String() string { return a.Name }

// GoString hides the password hash from %#v.
func (a Account) GoString() string { return "devaccounts.Account(" + a.Name + ")" }

// MarshalText keeps the password hash out of logs that marshal what they get.
func (a Account) MarshalText() ([]byte, error) { return []byte(a.Name), nil }

// typedNames are all names that a person may type for the account.
func (a Account) typedNames() []string {
	names := append([]string{a.Name}, a.Aliases...)
	if a.FullName != "" {
		names = append(names, a.FullName)
	}
	return names
}

// File is an account file that has been read and checked as a whole.
type File struct{ accounts []Account }

// All are the accounts in the order of the file.
func (f *File) All() []Account { return append([]Account(nil), f.accounts...) }

// ByUID finds the account with that uid.
func (f *File) ByUID(uid uint32) (Account, bool) {
	for _, a := range f.accounts {
		if a.UID == uid {
			return a, true
		}
	}
	return Account{}, false
}

// ByTypedName finds the account that a person means at the login window: by
// short name, alias or full name, whatever the case, as macOS takes them.
func (f *File) ByTypedName(typed string) (Account, bool) {
	wanted := fold(typed)
	if wanted == "" {
		return Account{}, false
	}
	for _, a := range f.accounts {
		for _, name := range a.typedNames() {
			if fold(name) == wanted {
				return a, true
			}
		}
	}
	return Account{}, false
}

// Authenticate finds the account that a person means and checks its password.
// It takes as long for a name that does not exist, so that the time does not
// tell which names do.
func (f *File) Authenticate(typed string, password []byte) (Account, bool) {
	account, known := f.ByTypedName(typed)
	if !known {
		account.password = decoy()
	}
	if !Verify(account, password) || !known {
		return Account{}, false
	}
	return account, true
}

func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
