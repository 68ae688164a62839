package macos

import (
	"strings"
	"testing"
)

// record is as OpenDirectory gives one of macOS 15, with the values changed that
// are named.
func record(change map[string][]string) map[string][]string {
	r := map[string][]string{
		attributeNames: {"ada", "ada.example@icloud.com"}, attributeGUID: {"3F2C8A41-9B1D-4E0A-8C55-0E7C1B6D2F90"},
		attributeUID: {"501"}, attributeFullName: {"Ada Example"}, attributeNode: {"/Local/Default"},
		attributeAuthority: {
			";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2,SRP-RFC5054-4096-SHA512-PBKDF2>",
			";Kerberosv5;;ada@LKDC:SHA1.0123456789ABCDEF;LKDC:SHA1.0123456789ABCDEF;", ";SecureToken;",
		},
	}
	for name, values := range change {
		r[name] = values
	}
	return r
}

func TestParseUser(t *testing.T) {
	ada := User{Name: "ada", GUID: "3F2C8A41-9B1D-4E0A-8C55-0E7C1B6D2F90", UID: 501, FullName: "Ada Example", SecureToken: true}
	with := func(change func(*User)) User { u := ada; change(&u); return u }
	for _, tt := range []struct {
		name   string
		change map[string][]string
		want   User
		err    string
	}{
		{"of this Mac", nil, ada, ""},
		{"no token", map[string][]string{attributeAuthority: {";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2>"}}, with(func(u *User) { u.SecureToken = false }), ""},
		{"a disabled account with a token", map[string][]string{attributeAuthority: {";DisabledUser;;ShadowHash;", ";SecureToken;"}}, ada, ""},
		{"the word in another's data", map[string][]string{attributeAuthority: {";Kerberosv5;;SecureToken@LKDC:SHA1.00;", "SecureToken", ";SecureTokens;"}}, with(func(u *User) { u.SecureToken = false }), ""},
		{"of a directory", map[string][]string{attributeNode: {"/Active Directory/EXAMPLE/All Domains"}}, with(func(u *User) { u.Network = true }), ""},
		{"without a full name", map[string][]string{attributeFullName: nil}, with(func(u *User) { u.FullName = "" }), ""},
		{"small letters in the GeneratedUID", map[string][]string{attributeGUID: {"3f2c8a41-9b1d-4e0a-8c55-0e7c1b6d2f90"}}, ada, ""},
		{"nobody", map[string][]string{attributeNames: {"nobody"}, attributeUID: {"-2"}}, with(func(u *User) { u.Name, u.UID = "nobody", 4294967294 }), ""},
		{"no name", map[string][]string{attributeNames: nil}, User{}, "short name is empty"},
		{"a path for a name", map[string][]string{attributeNames: {"../ada"}}, User{}, "holds a slash"},
		{"a name with a line feed", map[string][]string{attributeNames: {"ada\nroot"}}, User{}, "control character"},
		{"a name too long", map[string][]string{attributeNames: {strings.Repeat("a", 256)}}, User{}, "256 bytes"},
		{"no GeneratedUID", map[string][]string{attributeGUID: nil}, User{}, `"ada" of OpenDirectory: "" is no GeneratedUID`},
		{"half a GeneratedUID", map[string][]string{attributeGUID: {"3F2C8A41-9B1D-4E0A"}}, User{}, "is no GeneratedUID"},
		{"no UniqueID", map[string][]string{attributeUID: nil}, User{}, "is no UniqueID"},
		{"a UniqueID past 32 bits", map[string][]string{attributeUID: {"4294967797"}}, User{}, `"4294967797" is no UniqueID`},
		{"words for a UniqueID", map[string][]string{attributeUID: {"501 "}}, User{}, "is no UniqueID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseUser(record(tt.change))
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%+v, %v\nwant %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// FuzzUser: a user that can be told from others, or an error and none.
func FuzzUser(f *testing.F) {
	f.Add("ada", "3F2C8A41-9B1D-4E0A-8C55-0E7C1B6D2F90", "501", ";SecureToken;")
	f.Add("", "-", "-2147483649", ";;")
	f.Fuzz(func(t *testing.T, name, guid, uid, authority string) {
		u, err := parseUser(record(map[string][]string{attributeNames: {name}, attributeGUID: {guid}, attributeUID: {uid}, attributeAuthority: {authority}}))
		if err != nil {
			if u != (User{}) {
				t.Errorf("%+v with %v", u, err)
			}
			return
		}
		if u.Name != name || len(u.Name) > maxShortName || strings.ContainsAny(u.Name, "/\x00\n") || !isUUID(u.GUID) || !strings.EqualFold(u.GUID, guid) {
			t.Errorf("took %+v of %q, %q", u, name, guid)
		}
		if u.SecureToken && !strings.Contains(authority, ";SecureToken") {
			t.Errorf("%q is a token", authority)
		}
	})
}
