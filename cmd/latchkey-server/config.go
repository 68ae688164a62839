package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// configFlag names the file whose keys are flags, without the dashes in front.
const configFlag = "config"

// maxConfig bounds the file, in bytes.
const maxConfig = 1 << 20

// fromConfig fills flags that neither the command line nor the environment sets.
// The file is for every command: what is another one's is passed over, and what
// is none's is an error.
func fromConfig(cmd *cobra.Command) error {
	flag := cmd.Flags().Lookup(configFlag)
	if flag == nil || flag.Value.String() == "" {
		return nil
	}
	path := flag.Value.String()
	raw, err := readConfig(path)
	if err != nil {
		return usage(err, "--config names a TOML file; docs/operations.md lists its keys")
	}
	keys, err := parseConfig(raw)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", path, err), "docs/operations.md lists the keys: each is a flag without its dashes")
	}
	known := settable(cmd.Root())
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if err := take(cmd.Flags(), known, key, keys[key]); err != nil {
			return usage(fmt.Errorf("%s:%d: %w", path, lineOf(raw, key), err), "docs/operations.md lists the keys: each is a flag without its dashes")
		}
	}
	return nil
}

func readConfig(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		// Whoever writes it says where the secrets are, and whom the server listens to.
		return nil, fmt.Errorf("read the configuration: %s can be written by others (mode %04o): chmod go-w %[1]s", path, info.Mode().Perm())
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err == nil && len(raw) > maxConfig {
		err = fmt.Errorf("%s has more than %d bytes", path, maxConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return raw, nil
}

// parseConfig is the text of each key, as it would stand behind its flag.
func parseConfig(raw []byte) (map[string]string, error) {
	var all map[string]any
	if _, err := toml.NewDecoder(bytes.NewReader(raw)).Decode(&all); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("line %d: %s", at.Position.Line, at.Message)
		}
		return nil, errors.New("it is no TOML")
	}
	out := make(map[string]string, len(all))
	for key, value := range all {
		text, err := flagText(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", lineOf(raw, key), key, err)
		}
		out[key] = text
	}
	return out, nil
}

func flagText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64, float64:
		return fmt.Sprint(v), nil
	case []any:
		var list []string
		for _, one := range v {
			text, ok := one.(string)
			if !ok || strings.Contains(text, ",") {
				return "", errors.New("want a list of texts without commas")
			}
			list = append(list, text)
		}
		return strings.Join(list, ","), nil
	}
	return "", errors.New("want a text, a number, true, false or a list of texts")
}

// lineOf is the first line that a key may stand on; 0 for none.
func lineOf(raw []byte, key string) int {
	stands := regexp.MustCompile(`^\s*\[*\s*["']?` + regexp.QuoteMeta(key) + `["']?\s*[=.\]]`)
	for i, line := range strings.Split(string(raw), "\n") {
		if stands.MatchString(line) {
			return i + 1
		}
	}
	return 0
}

// settable are the flags of all commands that say where things are and how the
// server runs.
func settable(root *cobra.Command) map[string]bool {
	known := map[string]bool{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[twin] != nil && f.Name != configFlag {
				known[f.Name] = true
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return known
}

// take sets one flag, unless it is set already, or another command's.
func take(flags *pflag.FlagSet, known map[string]bool, key, value string) error {
	if !known[key] {
		return fmt.Errorf("%s is unknown%s", key, nearest(key, known))
	}
	if key == "database" && store.HoldsPassword(value) {
		return errors.New("database holds a password: put the URL into a file of its own, mode 0600, and name that as database-file")
	}
	f := flags.Lookup(key)
	if f == nil || f.Changed {
		return nil
	}
	if err := flags.Set(key, value); err != nil {
		return fmt.Errorf("%s = %q: %w", key, value, err)
	}
	return nil
}

// nearest is a key that was perhaps meant.
func nearest(key string, known map[string]bool) string {
	plain := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if plain(name) == plain(key) {
			return ": did you mean " + name + "?"
		}
	}
	return ""
}
