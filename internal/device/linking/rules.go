package linking

import (
	"errors"
	"fmt"
	"strings"
)

// Grounds is why an account may be linked to an org user; it goes into the
// event.
type Grounds string

// The grounds, in the order in which they are looked at.
const (
	ByPIN     Grounds = "recovery_pin" // a recovery PIN was shown in this login
	ByAdmin   Grounds = "prelink"      // an administrator named the user
	ByProfile Grounds = "profile"      // LatchkeyLinkedUser names the user
	ByName    Grounds = "name"         // the local part of the login is the account's short name
)

// ErrNotTheirs: nothing says that the org user is the account's person.
var ErrNotTheirs = errors.New("the org user does not belong to this account")

// ErrTaken: the org user is linked to another account of this Mac.
var ErrTaken = errors.New("the org user is linked to another account of this Mac")

// Claim is an account that wants to be linked to an org user.
type Claim struct {
	Name     string // the account's short name
	Login    string // of the org user
	Prelink  string // the org user that an administrator named; "" for none
	Assigned string // LatchkeyLinkedUser; "" for none
	PIN      bool   // whether a recovery PIN was shown in this login
}

// Grounds says by which rule the claim is good. An administrator who named a
// user meant that one: the account's name then opens no second way.
func (c Claim) Grounds() (Grounds, error) {
	switch {
	case c.Login == "":
		return "", fmt.Errorf("%w: it has no login", ErrNotTheirs)
	case c.PIN:
		return ByPIN, nil
	case c.Prelink != "" && same(c.Login, c.Prelink):
		return ByAdmin, nil
	case c.Prelink != "":
		return "", fmt.Errorf("%w: an administrator has named another", ErrNotTheirs)
	case c.Assigned != "" && same(c.Login, c.Assigned):
		return ByProfile, nil
	case same(localPart(c.Login), c.Name):
		return ByName, nil
	}
	// Refused by default: whoever has the password and an org account of their
	// own must not bring its factor here.
	return "", fmt.Errorf("%w: the name before the @ is not %s", ErrNotTheirs, c.Name)
}

func localPart(login string) string {
	local, _, _ := strings.Cut(login, "@")
	return local
}

// same compares as orgs do, without regard to case, in ASCII alone: letters
// that merely look alike, or fold to one another, are not the same.
func same(a, b string) bool { return a != "" && lower(a) == lower(b) }

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
