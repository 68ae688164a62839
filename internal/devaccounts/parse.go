package devaccounts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a file.
const (
	maxFile     = 1 << 20 // bytes
	maxAccounts = 256
	maxAliases  = 16
	maxText     = 255 // bytes of any text
)

var (
	guidForm = regexp.MustCompile(`^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`)
	nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$`)
)

// field knows how one key of an account is read.
type field struct {
	required bool
	read     func(raw json.RawMessage, into *Account) error
}

var fields = map[string]field{
	"name":      {true, readName},
	"uid":       {true, func(raw json.RawMessage, a *Account) error { return readID(raw, &a.UID) }},
	"gid":       {true, func(raw json.RawMessage, a *Account) error { return readID(raw, &a.GID) }},
	"guid":      {true, readGUID},
	"full_name": {true, func(raw json.RawMessage, a *Account) error { return readText(raw, &a.FullName) }},
	"aliases":   {false, readAliases},
	"home":      {true, readHome},
	"email":     {false, func(raw json.RawMessage, a *Account) error { return readText(raw, &a.Email) }},
	"password":  {true, readPassword},
}

// Parse reads an account file. Errors name the account and the field.
func Parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("the file has more than %d bytes", maxFile)
	}
	var file struct {
		Accounts []map[string]json.RawMessage `json:"accounts"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf(`read {"accounts":[…]}: %w`, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf(`something stands after {"accounts":[…]}`)
	}
	if len(file.Accounts) == 0 || len(file.Accounts) > maxAccounts {
		return nil, fmt.Errorf("field \"accounts\": %d entries, allowed are 1 to %d", len(file.Accounts), maxAccounts)
	}
	f := &File{}
	for i, raw := range file.Accounts {
		a, err := readAccount(i, raw)
		if err != nil {
			return nil, err
		}
		f.accounts = append(f.accounts, a)
	}
	return f, f.checkUnique()
}

func readAccount(index int, raw map[string]json.RawMessage) (Account, error) {
	var a Account
	title := fmt.Sprintf("account %d", index+1)
	var name string
	if json.Unmarshal(raw["name"], &name) == nil && nameForm.MatchString(name) {
		title = fmt.Sprintf("account %q", name)
	}
	for key, value := range raw {
		f, known := fields[key]
		if !known {
			return Account{}, fmt.Errorf("%s: unknown field %q, allowed are %s", title, key, fieldNames())
		}
		if err := f.read(value, &a); err != nil {
			return Account{}, fmt.Errorf("%s: field %q: %w", title, key, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if _, there := raw[key]; fields[key].required && !there {
			return Account{}, fmt.Errorf("%s: field %q is missing", title, key)
		}
	}
	return a, nil
}

func fieldNames() string { return strings.Join(slices.Sorted(maps.Keys(fields)), ", ") }

func readName(raw json.RawMessage, a *Account) error {
	if err := readText(raw, &a.Name); err != nil {
		return err
	}
	if !nameForm.MatchString(a.Name) {
		return fmt.Errorf("%q is no short name: letters, digits, '.', '_' and '-', at most 63", a.Name)
	}
	return nil
}

func readID(raw json.RawMessage, into *uint32) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is no whole number from 0 to 4294967294", clip(raw))
	}
	if *into == 1<<32-1 {
		// (uid_t)-1 means "no user" to the system's own calls.
		return fmt.Errorf("4294967295 stands for no user at all, allowed are 0 to 4294967294")
	}
	return nil
}

func readGUID(raw json.RawMessage, a *Account) error {
	if err := readText(raw, &a.GUID); err != nil {
		return err
	}
	a.GUID = strings.ToUpper(a.GUID)
	if !guidForm.MatchString(a.GUID) {
		return fmt.Errorf("%q is no UUID like 8D1F3C52-0000-4000-8000-000000000501", a.GUID)
	}
	return nil
}

func readHome(raw json.RawMessage, a *Account) error {
	if err := readText(raw, &a.Home); err != nil {
		return err
	}
	if !strings.HasPrefix(a.Home, "/") {
		return fmt.Errorf("%q is no absolute path", a.Home)
	}
	return nil
}

func readAliases(raw json.RawMessage, a *Account) error {
	var texts []json.RawMessage
	if err := json.Unmarshal(raw, &texts); err != nil {
		return fmt.Errorf("%s is no list of names", clip(raw))
	}
	if len(texts) > maxAliases {
		return fmt.Errorf("%d aliases, at most %d", len(texts), maxAliases)
	}
	for _, text := range texts {
		var alias string
		if err := readText(text, &alias); err != nil {
			return err
		}
		if fold(alias) == "" {
			return fmt.Errorf("an alias is empty")
		}
		a.Aliases = append(a.Aliases, alias)
	}
	return nil
}

func readPassword(raw json.RawMessage, a *Account) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errHashForm
	}
	hash, err := parseHash(text)
	a.password = hash
	return err
}

func readText(raw json.RawMessage, into *string) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return fmt.Errorf("%s is no text", clip(raw))
	}
	if len(*text) > maxText || !utf8.ValidString(*text) || strings.ContainsFunc(*text, unicode.IsControl) {
		return fmt.Errorf("text of at most %d bytes without control characters is allowed", maxText)
	}
	*into = *text
	return nil
}

func clip(raw json.RawMessage) string {
	if len(raw) > 40 {
		return string(raw[:40]) + "…"
	}
	return string(raw)
}

// checkUnique refuses a file in which a uid, a GeneratedUID or a typed name
// means two accounts: who signs in would depend on the order of the file.
func (f *File) checkUnique() error {
	seen := map[string]string{}
	for _, a := range f.accounts {
		claims := []string{fmt.Sprintf("uid %d", a.UID), "guid " + a.GUID}
		own := map[string]bool{}
		for _, name := range a.typedNames() {
			claim := fmt.Sprintf("name %q", fold(name))
			if !own[claim] { // full name and short name of one account may agree
				claims = append(claims, claim)
			}
			own[claim] = true
		}
		for _, claim := range claims {
			if other, taken := seen[claim]; taken {
				return fmt.Errorf("account %q: %s is that of account %q already", a.Name, claim, other)
			}
			seen[claim] = a.Name
		}
	}
	return nil
}
