package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// library is what a stub says of a library (tapi-tbd, version 4), as far as ours
// go.
type library struct {
	Version int      `yaml:"tbd-version"`
	Targets []string `yaml:"targets"`
	Install string   `yaml:"install-name"`
	Exports []struct {
		Targets []string `yaml:"targets"`
		Symbols []string `yaml:"symbols"`
		Classes []string `yaml:"objc-classes"`
	} `yaml:"exports"`
}

// imports are the symbols that may be asked of each library, by "library
// architecture", where the architecture is Go's. Under " architecture" are those
// of all: which of two libraries has a symbol, where one passes on what the other
// has, is the linker's choice.
type imports map[string]map[string]bool

// readStubs reads every stub below a folder.
func readStubs(folder string) (imports, error) {
	known := imports{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tbd" {
			return err
		}
		content, err := readFile(path)
		if err != nil {
			return err
		}
		if err := known.add(content); err != nil {
			return fmt.Errorf("read the stub %s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the stubs: %w", err)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("read the stubs: there is no .tbd file below %s", folder)
	}
	return known, nil
}

// targets are the architectures by their names in stubs.
func targets() map[string]string {
	return map[string]string{"x86_64-macos": "amd64", "arm64-macos": "arm64"}
}

// add takes what one stub lists.
func (i imports) add(content []byte) error {
	var l library
	if err := yaml.Unmarshal(content, &l); err != nil {
		return fmt.Errorf("it is no YAML: %w", err)
	}
	if l.Version != 4 || !strings.HasPrefix(l.Install, "/") {
		return fmt.Errorf("tbd-version is %d and install-name %q: wanted are 4 and a path", l.Version, l.Install)
	}
	for _, target := range l.Targets {
		architecture, ok := targets()[target]
		if !ok {
			return fmt.Errorf("unknown target %q", target)
		}
		of, all := i.of(l.Install, architecture), i.of("", architecture)
		for _, e := range l.Exports {
			if !slices.Contains(e.Targets, target) {
				continue
			}
			for _, s := range e.Symbols {
				of[s], all[s] = true, true
			}
			for _, c := range e.Classes {
				for _, s := range []string{"_OBJC_CLASS_$_" + c, "_OBJC_METACLASS_$_" + c} {
					of[s], all[s] = true, true
				}
			}
		}
	}
	return nil
}

func (i imports) of(library, architecture string) map[string]bool {
	key := library + " " + architecture
	if i[key] == nil {
		i[key] = map[string]bool{}
	}
	return i[key]
}
