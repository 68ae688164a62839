package latchkey

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists in dependencies/ anew, after a change that was meant")

// built is something that is made here, for one system.
type built struct {
	name, folder string
	tags         string
	system, cgo  string
	whole        bool // list every package, also our own: for what runs in a process of the system's
}

func allBuilt() []built {
	return []built{
		{name: "latchkeyd", folder: "./cmd/latchkeyd", system: "linux", cgo: "1"},
		{name: "latchkeyd", folder: "./cmd/latchkeyd", system: "darwin", cgo: "1"},
		{name: "latchkey", folder: "./cmd/latchkey", system: "linux", cgo: "1"},
		{name: "latchkey", folder: "./cmd/latchkey", system: "darwin", cgo: "1"},
		{name: "latchkey-server", folder: "./cmd/latchkey-server", system: "linux", cgo: "1"},
		{name: "authhost", folder: "./cmd/authhost", system: "linux", cgo: "1"},
		{name: "demo", folder: "./demo", system: "linux", cgo: "1"},
		{name: "plugin", folder: "./plugin", system: "linux", cgo: "1", whole: true},
		{name: "plugin", folder: "./plugin", system: "darwin", cgo: "1", whole: true},
		{name: "plugin-gnustep", folder: "./plugin", tags: "gnustep", system: "linux", cgo: "1"},
		{name: "plugin-terminalpanel", folder: "./plugin", tags: "terminalpanel", system: "linux", cgo: "1"},
	}
}

func (b built) file() string { return filepath.Join("dependencies", b.name+"."+b.system+".txt") }

// list is what is linked in: modules with version and licence; or packages.
func (b built) list(t *testing.T) string {
	t.Helper()
	out := b.deps(t, `{{with .Module}}{{if .Main}}own {{$.ImportPath}}{{else}}{{.Path}} {{.Version}} {{$.ImportPath}} {{.Dir}}{{end}}{{end}}`)
	found := map[string]bool{}
	for line := range strings.Lines(out) {
		part := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case len(part) == 2 && b.whole:
			found[strings.TrimPrefix(part[1], module)] = true
		case len(part) == 4 && b.whole:
			found[fmt.Sprintf("%s of %s %s %s", part[2], part[0], part[1], licence(t, part[0], part[3]))] = true
		case len(part) == 4:
			found[fmt.Sprintf("%s %s %s", part[0], part[1], licence(t, part[0], part[3]))] = true
		}
	}
	return strings.Join(slices.Sorted(keys(found)), "\n") + "\n"
}

func (b built) deps(t *testing.T, format string) string {
	t.Helper()
	return goCommand(t, []string{"GOOS=" + b.system, "CGO_ENABLED=" + b.cgo}, "list", "-deps", "-tags="+b.tags, "-f", format, b.folder)
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestDependencies: what a binary links in is a decision. The lists name it,
// with the licence, and a change of them is seen in review.
func TestDependencies(t *testing.T) {
	for _, b := range allBuilt() {
		t.Run(b.name+"."+b.system, func(t *testing.T) {
			t.Parallel()
			got := b.list(t)
			if *update {
				if err := os.WriteFile(b.file(), []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(b.file())
			if err != nil {
				t.Fatal(err)
			}
			for _, difference := range differences(string(want), got) {
				t.Errorf("%s: %s; when that is meant: go test -run TestDependencies -update .", b.file(), difference)
			}
		})
	}
}

// differences between two lists, as sentences.
func differences(want, got string) (found []string) {
	old, now := strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")
	for _, line := range now {
		if !slices.Contains(old, line) {
			found = append(found, line+" is linked in, and is not in the list")
		}
	}
	for _, line := range old {
		if !slices.Contains(now, line) {
			found = append(found, line+" is in the list, and is not linked in")
		}
	}
	return found
}

func TestDifferences(t *testing.T) {
	found := differences("a v1 MIT\nb v1 MIT\n", "a v2 MIT\nb v1 MIT\n")
	if len(found) != 2 || !strings.HasPrefix(found[0], "a v2 MIT is linked in") || !strings.HasPrefix(found[1], "a v1 MIT is in the list") {
		t.Errorf("%q", found)
	}
	if found := differences("a\n", "a\n"); len(found) != 0 {
		t.Errorf("%q", found)
	}
}

// TestNoListIsForgotten: every list belongs to something that is built.
func TestNoListIsForgotten(t *testing.T) {
	files, err := filepath.Glob("dependencies/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range allBuilt() {
		files = slices.DeleteFunc(files, func(f string) bool { return f == b.file() })
	}
	if len(files) > 0 {
		t.Errorf("nothing is built for %q: remove them", files)
	}
	commands, err := filepath.Glob("cmd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if !slices.ContainsFunc(allBuilt(), func(b built) bool { return b.folder == "./"+filepath.ToSlash(c) }) {
			t.Errorf("%s has no list in dependencies/: add it to allBuilt()", c)
		}
	}
}

// licence of a module, by the files in its root. Only licences that ask for
// nothing but the notice are let in.
func licence(t *testing.T, name, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[LC][IO][CP][EY]*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no licence file in %s: it cannot be linked in", name, dir)
	}
	slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) }) // LICENSE before LICENSE-3RD-PARTY.md
	var first string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind, bad := kindOf(string(raw))
		if bad != "" && inventories()[name+" "+filepath.Base(file)] == "" {
			t.Errorf("%s: %s is %s, which asks for more than the notice: it cannot be linked in", name, filepath.Base(file), bad)
		}
		if first == "" {
			first = kind
		}
	}
	if first == "" {
		t.Errorf("%s: %s is no licence that is known here: read it, and teach kindOf", name, filepath.Base(files[0]))
	}
	return first
}

// inventories are files that name licences of what is not linked in, each with
// its reason.
func inventories() map[string]string {
	return map[string]string{
		"modernc.org/sqlite LICENSE-3RD-PARTY.md": "its sections 2 and 3 list what only its own tests and generators use",
	}
}

// kindOf is the SPDX name of a licence's text, and what is in it that cannot be
// let in.
func kindOf(text string) (kind, bad string) {
	flat := strings.Join(strings.Fields(text), " ")
	for phrase, name := range map[string]string{
		"GNU GENERAL PUBLIC": "GPL", "GNU General Public License": "GPL", "GNU LESSER GENERAL": "LGPL", "GNU AFFERO": "AGPL",
		"Mozilla Public License": "MPL", "Eclipse Public License": "EPL", "COMMON DEVELOPMENT AND DISTRIBUTION": "CDDL",
		"Business Source License": "BUSL", "Server Side Public License": "SSPL", "Commons Clause": "Commons Clause", "NonCommercial": "non-commercial",
	} {
		if strings.Contains(flat, phrase) {
			bad = name
		}
	}
	switch {
	case strings.Contains(flat, "Apache License Version 2.0"):
		kind = "Apache-2.0"
	case strings.Contains(flat, "Permission is hereby granted, free of charge, to any person obtaining a copy"):
		kind = "MIT"
	case strings.Contains(flat, "Permission to use, copy, modify, and") && strings.Contains(flat, "distribute this software for any purpose"):
		kind = "ISC"
	case strings.Contains(flat, "Redistribution and use in source and binary forms") && strings.Contains(flat, "either the name"):
		kind = "BSD-3-Clause"
	case strings.Contains(flat, "Redistribution and use in source and binary forms"):
		kind = "BSD-2-Clause"
	}
	return kind, bad
}

// TestNotice: what an Apache-licensed module says in its NOTICE has to travel
// with the binaries (section 4d).
func TestNotice(t *testing.T) {
	notice, err := os.ReadFile("NOTICE")
	if err != nil || !strings.HasPrefix(string(notice), "Latchkey\nCopyright ") {
		t.Fatalf("NOTICE must begin with the product and its copyright: %q, %v", notice, err)
	}
	own, err := os.ReadFile("LICENSE")
	if kind, _ := kindOf(string(own)); err != nil || kind != "Apache-2.0" {
		t.Errorf("LICENSE is %q, %v", kind, err)
	}
	for _, b := range allBuilt() {
		for line := range strings.Lines(b.deps(t, `{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}`)) {
			name, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
			if files, _ := filepath.Glob(filepath.Join(dir, "NOTICE*")); len(files) > 0 && !strings.Contains(string(notice), name) {
				t.Errorf("%s: NOTICE does not carry the notice of %s: add a line with its name, and its text", b.name, name)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	for text, want := range map[string][2]string{
		"Mozilla Public License Version 2.0":                                                {"", "MPL"},
		"GNU GENERAL PUBLIC\nLICENSE Version 3":                                             {"", "GPL"},
		"Apache License\n   Version 2.0, January":                                           {"Apache-2.0", ""},
		"All rights reserved. Ask us.":                                                      {"", ""},
		"Permission to use, copy, modify, and/or\ndistribute this software for any purpose": {"ISC", ""},
	} {
		if kind, bad := kindOf(text); kind != want[0] || bad != want[1] {
			t.Errorf("%q is %q, %q; want %q", text, kind, bad, want)
		}
	}
}
