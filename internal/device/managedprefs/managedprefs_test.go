package managedprefs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
	howett "howett.net/plist"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// running is a clock on the test's own time, which synctest moves.
type running struct{ start time.Time }

func (c running) Wall() time.Time           { return time.Now() }
func (c running) Continuous() time.Duration { return time.Since(c.start) }

const head = `<plist><dict><key>DMFAClientID</key><string>id</string><key>DMFAClientSecret</key><string>hunter2</string>
<key>DMFAOrgURL</key><string>https://org.example</string>
`

func profile(settings string) string { return head + settings + "</dict></plist>" }

func newSource(t *testing.T) (*Source, string) {
	t.Helper()
	dir := t.TempDir()
	return New(dir, Options{Clock: running{time.Now()}}), filepath.Join(dir, FileName)
}

// put replaces the file as an MDM does: beside it, then by rename.
func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func look(t *testing.T, s *Source) Snapshot {
	t.Helper()
	snap, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func sampleProfile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../../testdata/profiles/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestJamfSample: the published profile, XML as published and binary as the
// MDM client leaves it on a Mac.
func TestJamfSample(t *testing.T) {
	published := sampleProfile(t, "jamf-pro.plist")
	var v any
	if _, err := howett.Unmarshal([]byte(published), &v); err != nil {
		t.Fatal(err)
	}
	binary, err := howett.Marshal(v, howett.BinaryFormat)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"xml": published, "binary": string(binary)} {
		t.Run(name, func(t *testing.T) {
			s, path := newSource(t)
			put(t, path, content)
			snap := look(t, s)
			if snap.State != Good || len(snap.Problems) != 0 || snap.SHA256 == "" || string(snap.Raw) != content {
				t.Fatalf("%v, %v", snap.State, snap.Problems)
			}
			p := snap.Policy
			if p.LoginPeriodWithOfflineFactor != (policy.Value[time.Duration]{V: 24 * time.Hour, Origin: policy.Forced}) ||
				p.DeviceRecoveryPINDuration.V != time.Hour || p.DeviceRecoveryValidity.Origin != policy.Default || !p.Governs("kim") {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestIntuneSampleNamesTheLine(t *testing.T) {
	s, path := newSource(t)
	put(t, path, sampleProfile(t, "intune-malformed.mobileconfig"))
	snap := look(t, s)
	if snap.State != Bad || snap.Policy != nil || len(snap.Problems) != 1 || snap.Problems[0].Line != 14 {
		t.Fatalf("%+v", snap)
	}
	want := "line 14: com.okta.deviceaccess.servicedaemon.plist is malformed; allowed: an XML or binary property list (line 14, column 9: <string> is not closed: <key> opens inside it (noticed at line 15, column 9))"
	if got := snap.Problems[0].String(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestWholeProfilesAreNotSettings: the other samples are for the MDM to unpack.
func TestWholeProfilesAreNotSettings(t *testing.T) {
	for name, want := range map[string]string{
		"kandji.mobileconfig":        "this is a whole configuration profile",
		"workspace-one.fragment.xml": "a property list begins with <plist>",
	} {
		s, path := newSource(t)
		put(t, path, sampleProfile(t, name))
		if snap := look(t, s); snap.State != Bad || snap.Policy != nil || !strings.Contains(snap.Problems[0].String(), want) {
			t.Errorf("%s: %v, %v", name, snap.State, snap.Problems)
		}
	}
}

// TestStates walks through the life of a profile.
func TestStates(t *testing.T) {
	s, path := newSource(t)
	if snap := look(t, s); snap.State != Never || snap.Policy != nil || snap.SHA256 != "" {
		t.Fatalf("nothing there: %+v", snap)
	}
	put(t, path, "<plist>")
	if snap := look(t, s); snap.State != Bad || snap.Policy != nil {
		t.Fatalf("bad from the start: %+v", snap)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if snap := look(t, s); snap.State != Never || len(snap.Problems) != 0 {
		t.Fatalf("a bad one that went away: %+v", snap)
	}
	put(t, path, profile("<key>AdminPhone</key><string>1</string>"))
	good := look(t, s)
	if good.State != Good || good.Policy.AdminPhone.V != "1" {
		t.Fatalf("good: %+v", good)
	}
	put(t, path, profile("<key>AdminPhone</key><integer>2</integer>"))
	bad := look(t, s)
	if bad.State != Bad || bad.Policy != good.Policy || bad.SHA256 != good.SHA256 || len(bad.Problems) != 1 || bad.Problems[0].Key != "AdminPhone" {
		t.Fatalf("a bad one after it: %+v", bad)
	}
	put(t, path, profile("<key>AdminPhone</key><string>3</string>"))
	if snap := look(t, s); snap.State != Good || snap.Policy.AdminPhone.V != "3" || snap.SHA256 == good.SHA256 || len(snap.Problems) != 0 {
		t.Fatalf("good again: %+v", snap)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if snap := look(t, s); snap.State != Gone || snap.Policy.AdminPhone.V != "3" {
		t.Fatalf("gone: %+v", snap)
	}
}

func TestGoneForRunsAndStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := newSource(t)
		put(t, path, profile(""))
		look(t, s)
		os.Remove(path)
		time.Sleep(time.Minute)
		first := look(t, s)
		time.Sleep(14 * time.Minute)
		if snap := look(t, s); first.GoneFor != 0 || snap.GoneFor != 14*time.Minute || snap.At != first.At {
			t.Errorf("gone for %v, then %v", first.GoneFor, snap.GoneFor)
		}
		time.Sleep(2 * time.Minute)
		if gone := s.Last().GoneFor; gone < GoneAfter {
			t.Errorf("gone for %v", gone)
		}
		put(t, path, profile(""))
		if snap := look(t, s); snap.State != Good || snap.GoneFor != 0 {
			t.Errorf("back: %v, gone for %v", snap.State, snap.GoneFor)
		}
		os.Remove(path)
		if snap := look(t, s); snap.GoneFor != 0 {
			t.Errorf("gone again: for %v", snap.GoneFor)
		}
	})
}

// TestAtIsTheTimeOfTheChange and not of the last look.
func TestAtIsTheTimeOfTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := newSource(t)
		put(t, path, profile(""))
		first := look(t, s)
		time.Sleep(time.Minute)
		if same := look(t, s); same.At != first.At {
			t.Errorf("the same profile again: %v, then %v", first.At, same.At)
		}
		put(t, path, profile("<key>AdminPhone</key><string>1</string>"))
		if other := look(t, s); !other.At.Equal(first.At.Add(time.Minute)) {
			t.Errorf("another profile: %v, then %v", first.At, other.At)
		}
	})
}

func TestWatchTellsOfChangesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := newSource(t)
		ctx, stop := context.WithCancel(t.Context())
		var told []string
		go s.Watch(ctx, 2*time.Second, func(snap Snapshot) { told = append(told, snap.State.String()) })
		step := func(change func()) {
			change()
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		step(func() {})
		step(func() { put(t, path, profile("")) })
		step(func() { put(t, path, profile("")) }) // the same again
		step(func() { put(t, path, profile("<key>AdminPhone</key><string>1</string>")) })
		step(func() { put(t, path, "<plist>") })
		step(func() { put(t, path, "<plist><dict>") }) // bad in another way
		step(func() { os.Remove(path) })
		stop()
		synctest.Wait()
		if got, want := strings.Join(told, " "), "never good good bad bad gone"; got != want {
			t.Errorf("told of %s, want %s", got, want)
		}
	})
}

func TestRestore(t *testing.T) {
	kept := []byte(profile("<key>AdminPhone</key><string>kept</string>"))
	s, path := newSource(t)
	if err := s.Restore(kept); err != nil {
		t.Fatal(err)
	}
	if snap := look(t, s); snap.State != Gone || snap.Policy.AdminPhone.V != "kept" || string(snap.Raw) != string(kept) {
		t.Errorf("nothing there: %+v", snap)
	}
	put(t, path, "<plist>")
	if snap := look(t, s); snap.State != Bad || snap.Policy.AdminPhone.V != "kept" {
		t.Errorf("a bad one there: %+v", snap)
	}
	put(t, path, profile(""))
	if snap := look(t, s); snap.State != Good || snap.Policy.AdminPhone.V != "" {
		t.Errorf("a good one there: %+v", snap)
	}
	if err := s.Restore(kept); err != nil || s.Last().Policy.AdminPhone.V != "" {
		t.Errorf("restoring late replaced a policy that was read (%v)", err)
	}
	if err := s.Restore([]byte("<plist>")); err == nil {
		t.Error("a bad policy was restored")
	}
}

func TestUntrustedFiles(t *testing.T) {
	cases := []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"writable by the group", func(t *testing.T, path string) { put(t, path, profile("")); chmod(t, path, 0o664) }, "writable by others (mode 0664)"},
		{"writable by all", func(t *testing.T, path string) { put(t, path, profile("")); chmod(t, path, 0o602) }, "writable by others (mode 0602)"},
		{"in a folder that all can write", func(t *testing.T, path string) { put(t, path, profile("")); chmod(t, filepath.Dir(path), 0o777) }, "in a folder that is writable by others"},
		{"a link", func(t *testing.T, path string) {
			put(t, path+".real", profile(""))
			must(t, os.Symlink(path+".real", path))
		}, "a link or of another type"},
		{"a folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o755)) }, "of another type"},
		{"a pipe", func(t *testing.T, path string) { must(t, unix.Mkfifo(path, 0o644)) }, "of another type"},
		{"another user's", func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			put(t, path, profile(""))
			must(t, os.Chown(path, 501, 20))
		}, "owned by uid 501"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, path := newSource(t)
			c.make(t, path)
			snap := look(t, s)
			if snap.State != Bad || snap.Policy != nil || len(snap.Problems) != 1 || !strings.Contains(snap.Problems[0].String(), c.want) {
				t.Errorf("%v, %v; want %s", snap.State, snap.Problems, c.want)
			}
		})
	}
}

func TestLinkedFolderIsUntrusted(t *testing.T) {
	real := t.TempDir()
	put(t, filepath.Join(real, FileName), profile(""))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(real, link))
	if snap := look(t, New(link, Options{Clock: running{}})); snap.State != Bad || snap.Policy != nil {
		t.Errorf("%v, %v", snap.State, snap.Problems)
	}
}

func TestTooLarge(t *testing.T) {
	s, path := newSource(t)
	put(t, path, profile("<!--"+strings.Repeat("x", 1<<20)+"-->"))
	if snap := look(t, s); snap.State != Bad || !strings.Contains(snap.Problems[0].Hint, "at most 1048576") {
		t.Errorf("%v, %v", snap.State, snap.Problems)
	}
}

// failing is a reader whose source cannot be asked.
type failing struct{ err error }

func (f failing) Read(context.Context) ([]byte, error) { return nil, f.err }

func TestFailingReaderKeepsThePolicy(t *testing.T) {
	s := New("", Options{Clock: running{}, Reader: failing{errors.New("input/output error")}})
	must(t, s.Restore([]byte(profile(""))))
	if snap := look(t, s); snap.State != Bad || snap.Policy == nil || snap.Problems[0].Hint != "input/output error" {
		t.Errorf("%+v", snap)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled look: %v", err)
	}
}

func TestWire(t *testing.T) {
	s, path := newSource(t)
	put(t, path, profile("<key>Typo</key><true/>"))
	good, err := look(t, s).Wire()
	if err != nil || good.State != "good" || len(good.SHA256) != 64 || len(good.Errors) != 0 || !json.Valid(good.Effective) || strings.Contains(string(good.Effective), "hunter2") {
		t.Errorf("%+v, %v", good, err)
	}
	put(t, path, profile("<key>AdminPhone</key><true/>"))
	bad, err := look(t, s).Wire()
	if err != nil || bad.State != "bad" || bad.SHA256 != good.SHA256 || len(bad.Errors) != 1 || bad.Errors[0].Key != "AdminPhone" || string(bad.Effective) != string(good.Effective) {
		t.Errorf("%+v, %v", bad, err)
	}
	never, _ := newSource(t)
	if none, err := look(t, never).Wire(); err != nil || none.State != "gone" || none.Effective != nil {
		t.Errorf("%+v, %v", none, err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	must(t, os.Chmod(path, mode))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
