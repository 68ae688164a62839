package devaccounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// record is an account as the file holds it.
type record struct {
	Name     string   `json:"name"`
	UID      uint32   `json:"uid"`
	GID      uint32   `json:"gid"`
	GUID     string   `json:"guid"`
	FullName string   `json:"full_name"`
	Aliases  []string `json:"aliases"`
	Home     string   `json:"home"`
	Email    string   `json:"email,omitempty"`
	Password string   `json:"password"`
}

func (a Account) record() record {
	aliases := append([]string{}, a.Aliases...)
	return record{a.Name, a.UID, a.GID, a.GUID, a.FullName, aliases, a.Home, a.Email, a.password.text()}
}

// Add writes the account with that password to the file at path, which is made
// when there is none. A file that would not load afterwards is not written.
func Add(random io.Reader, path string, account Account, password []byte) error {
	hash, err := Hash(random, password)
	if err != nil {
		return err
	}
	if account.password, err = parseHash(hash); err != nil {
		return err
	}
	before, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = &File{}, nil
	}
	if err != nil {
		return err
	}
	data, err := encode(append(before.All(), account))
	if err != nil {
		return err
	}
	if _, err := Parse(data); err != nil {
		return fmt.Errorf("add to account file %s: %w", path, err)
	}
	if err := write(path, data); err != nil {
		return fmt.Errorf("write account file %s: %w", path, err)
	}
	return nil
}

func encode(accounts []Account) ([]byte, error) {
	records := make([]record, 0, len(accounts))
	for _, a := range accounts {
		records = append(records, a.record())
	}
	data, err := json.MarshalIndent(map[string]any{"accounts": records}, "", "  ")
	return append(data, '\n'), err
}
