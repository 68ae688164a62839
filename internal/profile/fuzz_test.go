package profile

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/faults/*", "testdata/good/*", "../../testdata/profiles/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			if filepath.Ext(name) == ".want" {
				continue
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
}

// FuzzLint: no input makes lint or fix fall over or go on for ever; a place that
// is named is in the file; mending what was mended changes nothing.
func FuzzLint(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		file := File{Name: "a", Data: data}
		r, err := new(Linter).Lint(file)
		if err != nil {
			t.Skip()
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, finding := range r.Findings {
			if finding.Rule == "" || finding.Problem == "" || finding.Line > lines && r.Signature == nil {
				t.Errorf("%+v", finding)
			}
			_, _ = finding.String(), finding.GitHub()
		}
		fixed, err := Fix(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(fixed.Done) == 0 && !bytes.Equal(fixed.Data, data) {
			t.Error("changed without a finding")
		}
		Diff("a", data, fixed.Data)
	})
}

// FuzzRead: what the tolerant reader finds nothing wrong with, the strict one
// reads as the same values; and what the strict one takes, it takes.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > plist.MaxSize || signed(data) || bytes.HasPrefix(data, []byte("bplist")) {
			t.Skip()
		}
		b, found := tree(data)
		if len(found) == 0 {
			found = (&Profile{src: data}).strictly()
		}
		strict, err := plist.ParseFragment(data)
		switch {
		case len(found) == 0 && err != nil:
			t.Errorf("nothing is found, and the strict reader says: %v", err)
		case len(found) == 0 && !alike(b.root, strict.Root):
			t.Error("the two readers see different values")
		case len(found) > 0 && err == nil && !stricter(found):
			t.Errorf("the strict reader takes it, and %v is found", found)
		}
		if p, err := Read(data); err == nil {
			for _, to := range []Shape{List, Fragment, MobileConfig} {
				made, err := Convert(p, to)
				if err != nil {
					continue
				}
				if again, err := Read(made); err != nil || to == p.Shape && !alike(again.Root, p.Root) {
					t.Errorf("as %s it cannot be read: %v\n%s", to, err, made)
				}
			}
		}
	})
}

// stricter: what Apple's reader may stumble over though ours does not.
func stricter(found []Finding) bool {
	for _, f := range found {
		switch f.Rule {
		case "xml-encoding", "xml-character", "xml-declaration", "xml-doctype", "xml-tag", "xml-size", "xml-escape", "xml-other":
			return true
		}
	}
	return false
}

// FuzzAnswers: no YAML makes the reader fall over, and what it takes can be made
// into a profile or is refused with a reason.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("mdm: jamf\nsettings:\n  DMFAOrgURL: https://a.example.com\n  MFANotRequiredList: [a, b]\n  OfflineLoginAllowed: true\n"))
	f.Add([]byte("settings: &a\n  DMFAClientID: *a\n"))
	f.Add([]byte("name: [[[[[[\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ReadAnswers(data)
		if err != nil {
			return
		}
		a.Settings.SetSecret("not-a-real-one")
		if a.MDM == "" {
			a.MDM = AnyMDM
		}
		made, err := New(Request{For: a.MDM, Settings: a.Settings, Organization: a.Organization, Name: a.Name})
		if err != nil {
			return
		}
		if _, err := Read(made); err != nil {
			t.Errorf("%v\n%s", err, made)
		}
	})
}

// TestHostileInput: 10 MB of what is worst for each part of the reader, in
// bounded memory and in seconds rather than minutes.
func TestHostileInput(t *testing.T) {
	fill := func(unit string) []byte { return bytes.Repeat([]byte(unit), MaxSize/len(unit)) }
	for name, data := range map[string][]byte{
		"open dictionaries": fill("<dict>"), "open keys": fill("<key>"), "values": append([]byte("<plist><array>"), fill("<true/>")[:MaxSize-100]...),
		"ends": fill("</dict>"), "angles": fill("<"), "ampersands": append([]byte("<plist><string>"), fill("&")[:MaxSize-100]...), "text": fill("a\n"),
		"foreign": fill("<a>"), "comments": fill("<!--"), "comments that end": fill("<!---->"), "doctypes": fill("<!["), "cdata": fill("<![CDATA["), "quotes": fill("<a b='"),
		"lines": fill("\n"), "keys": append([]byte("<dict>"), fill("<key>DMFAa</key><true/>")[:MaxSize-100]...), "marks": fill("\x30\x80"), "objects": fill("\x30\x00"),
		"one line": append([]byte("<plist><dict>"), fill("<key>a</key> <dict> ")[:MaxSize-100]...), "tags in tags": fill("<string <string"),
		"long name": append([]byte("<plist><dict><key>"), fill("DMFA")[:MaxSize-100]...),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begun := time.Now()
			file := File{Name: "a", Data: data}
			r, err := new(Linter).Lint(file)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if len(r.Findings) > 2*most {
				t.Errorf("%d findings", len(r.Findings))
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 40*MaxSize {
				t.Errorf("%d MB were allocated", spent>>20)
			}
			// No promise of speed: what would be a hang takes hours.
			if spent := time.Since(begun); spent > time.Minute {
				t.Errorf("it took %s", spent)
			}
		})
	}
	if _, err := new(Linter).Lint(File{Data: make([]byte, MaxSize+1)}); err == nil {
		t.Error("a file that is too large is read")
	}
}

func BenchmarkLint(b *testing.B) {
	raw, err := os.ReadFile("../../testdata/profiles/kandji.mobileconfig")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("3KB", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := new(Linter).Lint(File{Name: "a", Data: raw}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("1000profiles", func(b *testing.B) {
		for b.Loop() {
			var l Linter
			for range 1000 {
				if _, err := l.Lint(File{Name: "a", Data: raw}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
