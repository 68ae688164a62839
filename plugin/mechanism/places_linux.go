package mechanism

import (
	"os"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/device/places"
)

// The variables that say where a development host finds the daemon. Who owns
// what is found there is checked all the same.
const (
	SocketsVariable = "LATCHKEY_SOCKETS" // folder of prompt.sock and gate.sock
	FilesVariable   = "LATCHKEY_FILES"   // folder of gate.json and contact.json
)

// DefaultPlaces are those of the two variables, else the usual ones.
func DefaultPlaces() Places {
	return placesIn(folder(SocketsVariable, places.Sockets), folder(FilesVariable, places.Files))
}

func folder(variable, usual string) string {
	if set := os.Getenv(variable); set != "" {
		return set
	}
	return usual
}

// Locales are the person's, as POSIX names them, in the form of BCP 47.
func Locales() []string {
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		name, _, _ := strings.Cut(os.Getenv(variable), ".")
		name, _, _ = strings.Cut(name, "@")
		if name != "" && name != "C" && name != "POSIX" {
			return []string{strings.ReplaceAll(name, "_", "-")}
		}
	}
	return nil
}
