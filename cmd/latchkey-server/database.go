package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// maxLine bounds the file that names the database.
const maxLine = 8 << 10

// where is the database, as store.Open takes it.
func (p *program) where() (string, error) {
	if p.urlFile == "" {
		return cmp.Or(p.database, filepath.Join(p.dataDir, "latchkey.db")), nil
	}
	if p.database != "" {
		return "", usage(errors.New("--database and --database-file are both given"), "one of them names the database")
	}
	return privateLine(p.urlFile, "the database's file", "it holds a path, or a URL that begins with postgres://, and nothing else")
}

// noSecretIn refuses a password on the command line, which every user of the
// machine can see. It looks before the environment is read, where one may stand.
func (p *program) noSecretIn(cmd *cobra.Command) error {
	if f := cmd.Flags().Lookup("database"); f != nil && f.Changed && store.HoldsPassword(f.Value.String()) {
		return usage(errors.New("--database holds a password, which every user of this machine can read in the list of processes"),
			"put the URL into a file of mode 0600 and name it with --database-file, or into LATCHKEY_DATABASE; and change the password")
	}
	if f := cmd.Flags().Lookup("forward"); f != nil && f.Changed && strings.ContainsAny(f.Value.String(), "?@") {
		return usage(errors.New("--forward holds a user or a query, which every user of this machine can read in the list of processes"),
			"put such an address into LATCHKEY_FORWARD, or into the file of --config; and change what was secret in it")
	}
	return nil
}

// privateLine is the one line of a file that only its owner may read. holds says
// what belongs into it.
func privateLine(path, what, holds string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return "", failed(fmt.Errorf("%s %s is open to others (mode %04o)", what, path, mode.Perm()), "chmod 600 "+path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxLine+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	line := strings.TrimSpace(string(raw))
	if line == "" || len(raw) > maxLine || strings.ContainsAny(line, "\r\n") {
		return "", failed(fmt.Errorf("%s %s does not hold one line", what, path), holds)
	}
	return line, nil
}
