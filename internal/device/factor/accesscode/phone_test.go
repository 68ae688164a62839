package accesscode

import (
	"encoding/base32"
	"strings"
)

func decodeBase32(text string) ([]byte, error) {
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(text, "="))
}
