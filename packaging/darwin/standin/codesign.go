package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// signature is what somebody has signed, in signatures.json by the SHA-256 of the
// code: a code that was changed has none.
type signature struct {
	Identifier string `json:"identifier"`
	Team       string `json:"team"`
	Flags      string `json:"flags"` // "0x10000(runtime)"
}

// code is the file that a path's signature is about: of a bundle its program.
func code(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, "Contents", "MacOS", strings.TrimSuffix(filepath.Base(path), ".bundle"))
	}
	return path
}

var errNoSignature = errors.New("code object is not signed at all")

func signatureOf(path string) (s signature, err error) {
	content, err := os.ReadFile(code(path))
	if err != nil {
		return s, errors.New("No such file or directory")
	}
	raw, err := os.ReadFile(standin + "/signatures.json")
	if err != nil {
		return s, errNoSignature
	}
	known := map[string]signature{}
	if err := json.Unmarshal(raw, &known); err != nil {
		return s, err
	}
	sum := sha256.Sum256(content)
	s, signed := known[hex.EncodeToString(sum[:])]
	if !signed || fault("codesign.unsigned") && strings.HasSuffix(path, ".bundle") {
		return s, errNoSignature
	}
	return s, nil
}

// codesign is `codesign --display --verbose=2 PATH`, and `codesign --verify
// --strict --all-architectures -R REQUIREMENT PATH`.
func (m machine) codesign() int {
	if fault("codesign.hang") {
		time.Sleep(time.Hour)
	}
	if len(m.args) < 2 {
		return m.fail(2, "Usage: codesign")
	}
	path := m.args[len(m.args)-1]
	s, err := signatureOf(path)
	if err != nil {
		return m.fail(1, "%s: %v", path, err)
	}
	switch words := strings.Join(m.args[:len(m.args)-1], " "); {
	case words == "--display --verbose=2":
		fmt.Fprintf(m.err, "Executable=%s\nIdentifier=%s\nFormat=bundle with Mach-O universal (x86_64 arm64)\nCodeDirectory v=20500 size=1 flags=%s hashes=1+1 location=embedded\nTeamIdentifier=%s\n",
			code(path), s.Identifier, s.Flags, s.Team)
		return 0
	case strings.HasPrefix(words, "--verify --strict --all-architectures -R "):
		want := fmt.Sprintf(`=anchor apple generic and identifier "%s" and certificate leaf[subject.OU] = "%s"`, s.Identifier, s.Team)
		if strings.TrimPrefix(words, "--verify --strict --all-architectures -R ") != want {
			return m.fail(3, "%s: valid on disk\ntest-requirement: code failed to satisfy specified code requirement(s)", path)
		}
		return 0
	default:
		return m.fail(2, "codesign: no such command here: %s", words)
	}
}
