package macos

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Attributes of a user's record (CFOpenDirectoryConstants.h).
const (
	attributeNames     = "dsAttrTypeStandard:RecordName"
	attributeGUID      = "dsAttrTypeStandard:GeneratedUID"
	attributeUID       = "dsAttrTypeStandard:UniqueID"
	attributeFullName  = "dsAttrTypeStandard:RealName"
	attributeAuthority = "dsAttrTypeStandard:AuthenticationAuthority"
	attributeNode      = "dsAttrTypeStandard:AppleMetaNodeLocation"
)

func userAttributes() []string {
	return []string{attributeNames, attributeGUID, attributeUID, attributeFullName, attributeAuthority, attributeNode}
}

// maxShortName is the longest short name that is looked up, in bytes: macOS
// makes none as long.
const maxShortName = 255

// User is a record of OpenDirectory.
type User struct {
	Name        string // the first RecordName
	GUID        string // GeneratedUID, in capitals
	UID         uint32
	FullName    string
	SecureToken bool // may unlock the disk
	Network     bool // the record is not of this Mac's own node
}

// ErrNoUser: OpenDirectory has no such record.
var ErrNoUser = errors.New("no such account in OpenDirectory")

// CheckShortName refuses what no record can be called, so that nothing odd is
// asked for: names go to the system as they are.
func CheckShortName(name string) error {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == utf8.RuneError }
	switch {
	case name == "":
		return errors.New("the short name is empty")
	case len(name) > maxShortName:
		return fmt.Errorf("the short name has %d bytes, at most %d are allowed", len(name), maxShortName)
	case strings.ContainsFunc(name, odd):
		return fmt.Errorf("the short name %.40q holds a slash, a control character or broken text", name)
	}
	return nil
}

// parseUser takes the values of a record. Name, GeneratedUID and UniqueID are
// needed, and nothing is made up for them: state is kept by the one, and policy
// goes by the other.
func parseUser(values map[string][]string) (User, error) {
	u := User{Name: first(values[attributeNames]), FullName: first(values[attributeFullName])}
	if err := CheckShortName(u.Name); err != nil {
		return User{}, fmt.Errorf("read an account of OpenDirectory: %w", err)
	}
	guid := strings.ToUpper(first(values[attributeGUID]))
	if !isUUID(guid) {
		return User{}, fmt.Errorf("read the account %q of OpenDirectory: %.60q is no GeneratedUID", u.Name, guid)
	}
	id, err := parseUID(first(values[attributeUID]))
	if err != nil {
		return User{}, fmt.Errorf("read the account %q of OpenDirectory: %w", u.Name, err)
	}
	u.GUID, u.UID = guid, id
	u.SecureToken = hasSecureToken(values[attributeAuthority])
	node := first(values[attributeNode])
	u.Network = node != "" && node != "/Local/Default"
	return u, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// parseUID takes -2, which macOS writes for nobody, as the system does.
func parseUID(text string) (uint32, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1<<31 || n > 1<<32-1 {
		return 0, fmt.Errorf("%.40q is no UniqueID", text)
	}
	return uint32(n), nil
}

func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, r := range text {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !strings.ContainsRune("0123456789ABCDEF", r) {
			return false
		}
	}
	return true
}

// hasSecureToken looks for the tag in an AuthenticationAuthority, whose values
// are version;tag;data. A disabled account keeps its tags behind another one.
func hasSecureToken(authorities []string) bool {
	for _, value := range authorities {
		if part := strings.SplitN(value, ";", 3); len(part) > 1 && part[1] == "SecureToken" {
			return true
		}
	}
	return false
}
