package devaccounts

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cheapHash starts a hash with parameters that keep tests fast.
const cheapHash = "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$"

func cheap(t testing.TB, password string) string {
	t.Helper()
	h, err := parseHash(cheapHash + "AAAAAAAAAAAAAAAAAAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	h.key = argonKey(h, password)
	return h.text()
}

func sample(t testing.TB) map[string]any {
	return map[string]any{"name": "anna", "uid": 501, "gid": 20, "guid": "8d1f3c52-0000-4000-8000-000000000501",
		"full_name": "Anna Example", "aliases": []string{"aexample"}, "home": "/Users/anna",
		"email": "anna@example.com", "password": cheap(t, "correct horse")}
}

func parse(t testing.TB, accounts ...map[string]any) (*File, error) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"accounts": accounts})
	if err != nil {
		t.Fatal(err)
	}
	return Parse(data)
}

func TestAPersonIsFoundByEveryNameThatMacOSTakes(t *testing.T) {
	f, err := parse(t, sample(t))
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]bool{"anna": true, "ANNA": true, "aexample": true, "Anna Example": true,
		"anna example ": true, "": false, "   ": false, "ann": false, "anna@example.com": false} {
		if a, ok := f.ByTypedName(typed); ok != want || ok && a.Name != "anna" {
			t.Errorf("ByTypedName(%q) = %v, %v", typed, a, ok)
		}
	}
	if a, ok := f.ByUID(501); !ok || a.GUID != "8D1F3C52-0000-4000-8000-000000000501" || a.Home != "/Users/anna" {
		t.Errorf("ByUID(501) = %v, %v", a, ok)
	}
	if _, ok := f.ByUID(0); ok {
		t.Error("uid 0 is nobody's here")
	}
}

func TestOnlyThePasswordOfTheAccountFits(t *testing.T) {
	other := sample(t)
	other["name"], other["uid"], other["guid"] = "bob", 502, "8D1F3C52-0000-4000-8000-000000000502"
	other["aliases"], other["full_name"], other["password"] = nil, "Bob", cheap(t, "staple")
	delete(other, "aliases")
	f, err := parse(t, sample(t), other)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		want           bool
	}{{"Anna Example", "correct horse", true}, {"anna", "staple", false}, {"bob", "staple", true},
		{"anna", "", false}, {"anna", "correct horse\x00", false}, {"nobody", "correct horse", false},
		{"anna", strings.Repeat("x", maxPassword+1), false}} {
		if a, ok := f.Authenticate(c.name, []byte(c.password)); ok != c.want || (!ok && a.Name != "") {
			t.Errorf("Authenticate(%q) = %v, %v, want %v", c.name, a, ok, c.want)
		}
	}
	if Verify(Account{}, nil) {
		t.Error("an account without a hash let someone in")
	}
}

func TestBadFieldsAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, key string
		value     any
		want      []string
	}{
		{"no name", "name", nil, []string{"account 1", `"name" is missing`}},
		{"bad name", "name", "an na", []string{"account 1", `"name"`, "short name"}},
		{"negative uid", "uid", -1, []string{`"anna"`, `"uid"`, "-1", "0 to 4294967294"}},
		{"no user", "uid", uint32(1<<32 - 1), []string{`"uid"`, "no user"}},
		{"fraction", "gid", 1.5, []string{`"gid"`, "1.5"}},
		{"text for number", "gid", "20", []string{`"gid"`, `"20"`}},
		{"guid", "guid", "501", []string{`"guid"`, "UUID"}},
		{"home", "home", "Users/anna", []string{`"home"`, "absolute"}},
		{"alias", "aliases", []string{" "}, []string{`"aliases"`, "empty"}},
		{"aliases", "aliases", "a,b", []string{`"aliases"`, "list"}},
		{"control", "full_name", "Anna\x1b[2J", []string{`"full_name"`, "control"}},
		{"unknown", "admin", true, []string{`"anna"`, `unknown field "admin"`, "aliases, email"}},
		{"plain password", "password", "correct horse", []string{`"password"`, "$argon2id$"}},
		{"other hash", "password", "$argon2i$v=19$m=32,t=1,p=1$c2FsdHNhbHQ$AAAA", []string{`"password"`}},
		{"old version", "password", strings.Replace(cheap(t, "x"), "v=19", "v=16", 1), []string{`"password"`}},
		{"too dear", "password", strings.Replace(cheap(t, "x"), "m=32", "m=4000000", 1), []string{`"password"`, "m=4000000", "262144"}},
		{"trailing", "password", strings.Replace(cheap(t, "x"), "p=1$", "p=1,x$", 1), []string{`"password"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sample(t)
			a[c.key] = c.value
			if c.value == nil {
				delete(a, c.key)
			}
			_, err := parse(t, a)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if c.key == "password" && strings.Contains(err.Error(), fmt.Sprint(c.value)) {
				t.Errorf("error %q shows the password field", err)
			}
		})
	}
}

func TestNothingMayMeanTwoAccounts(t *testing.T) {
	for key, value := range map[string]any{"uid": 501, "guid": "8D1F3C52-0000-4000-8000-000000000501",
		"full_name": "ANNA", "aliases": []string{"AExample"}, "name": "aexample"} {
		second := sample(t)
		second["name"], second["uid"], second["guid"] = "bob", 502, "8D1F3C52-0000-4000-8000-000000000502"
		second["full_name"], second["aliases"] = "Bob Example", []string{"bobby"}
		if _, err := parse(t, sample(t), second); err != nil {
			t.Fatalf("two different accounts: %v", err)
		}
		second[key] = value
		if _, err := parse(t, sample(t), second); err == nil || !strings.Contains(err.Error(), `"anna" already`) {
			t.Errorf("%s %v twice: %v", key, value, err)
		}
	}
}

func TestAFileThatOthersCouldWriteIsRefused(t *testing.T) {
	data, err := json.Marshal(map[string]any{"accounts": []any{sample(t)}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "accounts.json")
	for mode, want := range map[os.FileMode]string{0o600: "", 0o644: "", 0o664: "0664", 0o666: "0666"} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{link, filepath.Dir(path), path + ".none"} {
		if _, err := Load(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("Load(%s): %v", bad, err)
		}
	}
	stranger := fstest.MapFS{"f": {Sys: nil}}
	info, err := stranger.Stat("f")
	if err != nil {
		t.Fatal(err)
	}
	if checkOwner(info, 0) == nil {
		t.Error("a file without an owner was accepted")
	}
}

func TestTheOwnerIsRootOrTheCaller(t *testing.T) {
	for _, c := range []struct {
		owner, self uint32
		want        bool
	}{{0, 501, true}, {501, 501, true}, {502, 501, false}, {501, 0, false}} {
		f := fstest.MapFS{"f": {Mode: 0o600, Sys: &syscall.Stat_t{Uid: c.owner}}}
		info, err := f.Stat("f")
		if err != nil {
			t.Fatal(err)
		}
		if err := checkOwner(info, c.self); (err == nil) != c.want {
			t.Errorf("owned by %d, read by %d: %v", c.owner, c.self, err)
		}
	}
}

func TestAnUnknownNameCostsWhatAKnownOneDoes(t *testing.T) {
	text, err := Hash(rand.Reader, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := parseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := decoy(); d.memory != made.memory || d.time != made.time || d.threads != made.threads || len(d.key) != len(made.key) {
		t.Errorf("the decoy costs %+v, a hash %+v", d, made)
	}
}

func TestAddWritesWhatLoadReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	first := Account{Name: "anna", UID: 501, GID: 20, GUID: "8D1F3C52-0000-4000-8000-000000000501",
		FullName: "Anna Example", Aliases: []string{"aexample"}, Home: "/Users/anna", Email: "anna@example.com"}
	if err := Add(rand.Reader, path, first, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := f.Authenticate("anna", []byte("correct horse"))
	if !ok {
		t.Fatal("the password does not fit")
	}
	got.password = passwordHash{}
	if diff := cmp.Diff(fmt.Sprintf("%#v", plain(first)), fmt.Sprintf("%#v", plain(got))); diff != "" {
		t.Error(diff)
	}
	before, _ := os.ReadFile(path)
	if err := Add(rand.Reader, path, first, []byte("again")); err == nil {
		t.Error("the same account twice")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a refused account changed the file")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".accounts-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

type plain struct {
	Name     string
	UID, GID uint32
	GUID     string
	FullName string
	Aliases  []string
	Home     string
	Email    string
	password passwordHash
}

func TestAnAccountNeverPrintsItsHash(t *testing.T) {
	f, err := parse(t, sample(t))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := f.ByUID(501)
	marshalled, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %v", a, a, a, marshalled, []Account{a})
	for _, secret := range []string{string(a.password.key), "argon", "salt", fmt.Sprint(a.password.key)} {
		if strings.Contains(all, secret) {
			t.Errorf("%s shows the hash", all)
		}
	}
}

func TestHashAndVerifyAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := passwordHash{memory: 32, time: 1, threads: 1, salt: rapid.SliceOfN(rapid.Byte(), minSalt, maxKey).Draw(t, "salt")}
		password := rapid.StringN(1, 64, maxPassword).Draw(t, "password")
		h.key = argonKey(h, password)
		back, err := parseHash(h.text())
		if err != nil {
			t.Fatal(err)
		}
		if !Verify(Account{password: back}, []byte(password)) || Verify(Account{password: back}, []byte(password+"x")) {
			t.Fatal("the hash does not tell passwords apart")
		}
	})
}

func FuzzParse(f *testing.F) {
	data, err := json.Marshal(map[string]any{"accounts": []any{sample(f)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"accounts":[{"name":"a","uid":1e3}]}`))
	f.Add([]byte(`{"accounts":null}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		for _, a := range file.All() {
			if found, ok := file.ByTypedName(a.Name); !ok || found.UID != a.UID {
				t.Fatalf("%q does not find itself", a.Name)
			}
		}
	})
}
