package authhost

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Bounds of a right.
const (
	maxMechanisms    = 256
	maxMechanismName = 255   // bytes
	defaultTries     = 10000 // rule.c: kMaximumAuthorizationTries, when the plist has no tries
)

// Mechanism is one entry of a list, taken apart as authd does.
type Mechanism struct {
	Plugin, ID string // the text before ':' and after it
	Privileged bool
}

// String is the entry as the list has it.
func (m Mechanism) String() string {
	if m.Privileged {
		return m.Plugin + ":" + m.ID + ",privileged"
	}
	return m.Plugin + ":" + m.ID
}

// ParseMechanism takes "plugin:id" or "plugin:id,privileged" apart.
func ParseMechanism(text string) (Mechanism, error) {
	plugin, rest, found := strings.Cut(text, ":")
	id, flag, flagged := strings.Cut(rest, ",")
	switch {
	case !found || plugin == "" || id == "" || len(text) > maxMechanismName:
		return Mechanism{}, fmt.Errorf("%q is no mechanism: allowed is plugin:id or plugin:id,privileged", text)
	case strings.Contains(rest, ":") || flagged && flag != "privileged":
		// authd splits at both characters and knows no other third part.
		return Mechanism{}, fmt.Errorf("%q is no mechanism: after the id only ',privileged' may stand", text)
	}
	return Mechanism{Plugin: plugin, ID: id, Privileged: flagged}, nil
}

// Right is a right of the class evaluate-mechanisms.
type Right struct {
	Name       string // as in the authorization database, "system.login.console"
	Mechanisms []Mechanism
	Tries      int // rounds before a denial is final, from 1
}

// ReadRight reads the right from the property list at path, XML or binary.
func ReadRight(name, path string) (Right, error) {
	file, err := os.Open(path)
	if err != nil {
		return Right{}, fmt.Errorf("right %s: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, plist.MaxSize+1))
	if err != nil {
		return Right{}, fmt.Errorf("right %s: %w", path, errors.Unwrap(err))
	}
	right, err := ParseRight(name, data)
	if err != nil {
		return Right{}, fmt.Errorf("right %s: %w", path, err)
	}
	return right, nil
}

// ParseRight reads a right from its property list.
func ParseRight(name string, data []byte) (Right, error) {
	document, err := plist.Parse(data)
	if err != nil {
		return Right{}, err
	}
	if document.Root.Kind != plist.Dict {
		return Right{}, fmt.Errorf("a right is a dictionary, this is a %s", document.Root.Kind)
	}
	class, _ := document.Root.Get("class")
	if class.Value.Text != "evaluate-mechanisms" {
		return Right{}, fmt.Errorf("key \"class\" is %q, allowed is evaluate-mechanisms", class.Value.Text)
	}
	right := Right{Name: name, Tries: defaultTries}
	mechanisms, _ := document.Root.Get("mechanisms")
	if right.Mechanisms, err = mechanismsFrom(mechanisms.Value); err != nil {
		return Right{}, fmt.Errorf("key \"mechanisms\": %w", err)
	}
	if tries, there := document.Root.Get("tries"); there {
		n, ok := tries.Value.Int64()
		if !ok || n < 1 || n > defaultTries {
			return Right{}, fmt.Errorf("key \"tries\" is not a whole number from 1 to %d", defaultTries)
		}
		right.Tries = int(n)
	}
	return right, nil
}

func mechanismsFrom(list plist.Value) ([]Mechanism, error) {
	if list.Kind != plist.Array {
		return nil, errors.New("missing, or no array")
	}
	if len(list.Items) > maxMechanisms {
		return nil, fmt.Errorf("%d entries, at most %d", len(list.Items), maxMechanisms)
	}
	mechanisms := make([]Mechanism, 0, len(list.Items))
	for i, entry := range list.Items {
		if entry.Kind != plist.String {
			return nil, fmt.Errorf("entry %d is a %s, not text", i, entry.Kind)
		}
		m, err := ParseMechanism(entry.Text)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		mechanisms = append(mechanisms, m)
	}
	return mechanisms, nil
}

// WithLatchkey is the right with Latchkey's two mechanisms where the installed
// product puts them: see loginright.Inserted. It fails when the list has no
// place for them.
func (r Right) WithLatchkey() (Right, error) {
	var list []string
	for _, m := range r.Mechanisms {
		list = append(list, m.String())
	}
	with, err := loginright.Inserted(list)
	if err != nil {
		return Right{}, fmt.Errorf("insert Latchkey into %s: %w", r.Name, err)
	}
	r.Mechanisms = nil
	for _, name := range with {
		m, err := ParseMechanism(name)
		if err != nil {
			return Right{}, fmt.Errorf("insert Latchkey into %s: %w", r.Name, err)
		}
		r.Mechanisms = append(r.Mechanisms, m)
	}
	return r, nil
}
