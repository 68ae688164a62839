package stories

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// vendor has login windows from now on find another vendor's plug-in under
// these names.
func (m *mac) vendor(names ...string) {
	m.t.Helper()
	library := programs.Foreign(m.t, m.World)
	m.arrange(func(o *authhost.Options) {
		for _, name := range names {
			o.Plugins[name] = library
		}
	})
}

// arrange changes the login windows from now on, after what changed them so
// far.
func (m *mac) arrange(change func(*authhost.Options)) {
	before := m.Arrange
	m.Arrange = func(o *authhost.Options) {
		if before != nil {
			before(o)
		}
		change(o)
	}
}

// list has login windows evaluate this list.
func (m *mac) list(names ...string) {
	right := aRight(m.t, names...)
	m.arrange(func(o *authhost.Options) { o.Right = right })
}

type fatal interface{ Fatal(...any) }

func aRight(t fatal, names ...string) authhost.Right {
	r := authhost.Right{Name: "system.login.console", Tries: 10000}
	for _, name := range names {
		one, err := authhost.ParseMechanism(name)
		if err != nil {
			t.Fatal(err)
		}
		r.Mechanisms = append(r.Mechanisms, one)
	}
	return r
}

func named(r authhost.Right) []string {
	names := []string{}
	for _, one := range r.Mechanisms {
		names = append(names, one.String())
	}
	return names
}

// fileVault has the disk unlocked with that password, and passed on.
func (m *mac) fileVault(password string) {
	m.arrange(func(o *authhost.Options) {
		o.FileVault = &authhost.Credentials{Name: trial.Reception().Name, Password: []byte(password)}
	})
}

// The printed break-glass: the right is put back to what the system shipped.
func (m *mac) resetRight() {
	m.Arrange = func(o *authhost.Options) { o.Right = authhost.ConsoleRight() }
}

const (
	ours   = "Latchkey"
	minute = time.Minute
	hour   = time.Hour
)

// The list was edited and the rest of the package failed, or its files were
// removed first: nobody gets in but by the printed way, until they are there.
func TestStory01_TheListIsThereAndTheBundleIsNot(t *testing.T) {
	m := aMac(t).enrolled()
	library := filepath.Join(m.Bin, "Latchkey.so")
	m.must(os.Rename(library, library+".away"))
	m.as(trial.Reception(), authhost.Undefined)
	m.outWithAWrongPassword()
	m.resetRight()
	m.in()
	m.outWithAWrongPassword()
	m.must(os.Rename(library+".away", library))
	m.Arrange = nil
	m.rightOneInWrongOneOut()
}

// A library for another processor is what a plug-in without a universal build
// was: no host can load it, and nobody gets in but by the printed way.
func TestStory02_APlugInForAnotherProcessor(t *testing.T) {
	m := aMac(t).enrolled()
	library := filepath.Join(m.Bin, "Latchkey.so")
	good, err := os.ReadFile(library)
	m.must(err)
	other := slices.Clone(good)
	other[18], other[19] = byte(elf.EM_S390), 0 // e_machine
	replace := func(raw []byte) {
		m.must(os.WriteFile(library+".new", raw, 0o755))
		m.must(os.Rename(library+".new", library))
	}
	replace(other)
	m.as(trial.Reception(), authhost.Undefined)
	m.resetRight()
	m.outWithAWrongPassword()
	m.in()
	replace(good)
	m.Arrange = nil
	m.rightOneInWrongOneOut()
}

// Lists of any content, in any order, with what others left of us.
func TestStory06_AnyListCanBeEdited(t *testing.T) {
	pool := []string{"builtin:prelogin", "loginwindow:login", "builtin:authenticate", "builtin:authenticate,privileged", "PKINITMechanism:auth,privileged",
		"Crypt:Check,privileged", "XCredsLoginPlugin:LoginWindow", "loginwindow:done", "Latchkey:prompt", "Latchkey:gate,privileged", "Latchkey:old"}
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom(pool), 0, 24).Draw(rt, "list")
		with, err := aRight(rt, names...).WithLatchkey()
		// There is a place where the password is checked once, and nowhere else: a
		// second check behind our gate would be for another person.
		of := func(name string) (n int) {
			for _, one := range names {
				if one == name {
					n++
				}
			}
			return n
		}
		checked, further := of(pool[3]), of(pool[4])
		turned := checked == 1 && further == 1 && slices.Index(names, pool[4]) < slices.Index(names, pool[3])
		if place := checked <= 1 && further <= 1 && checked+further > 0 && !turned; (err == nil) != place || err != nil && !errors.Is(err, loginright.ErrNoAnchor) {
			rt.Fatalf("%q: %v", names, err)
		}
		if err != nil {
			return
		}
		notOurs := func(list []string) []string {
			return slices.DeleteFunc(slices.Clone(list), func(n string) bool { return len(n) > 8 && n[:9] == ours+":" })
		}
		got := named(with)
		at := slices.Index(got, "Latchkey:prompt")
		if !slices.Equal(notOurs(got), notOurs(names)) || len(got) != len(notOurs(got))+2 || at < 1 || got[at+1] != "Latchkey:gate,privileged" {
			rt.Fatalf("%q became %q", names, got)
		}
		if twice, err := with.WithLatchkey(); err != nil || !slices.Equal(named(twice), got) {
			rt.Fatalf("%q became %q at the second time (%v)", got, named(twice), err)
		}
	})
	m := aMac(t).enrolled()
	with, err := aRight(t, "builtin:authenticate,privileged", "Latchkey:gate,privileged", "loginwindow:done").WithLatchkey()
	m.must(err)
	m.list(named(with)...)
	m.rightOneInWrongOneOut()
}

// A plug-in that shares the host crashes at every login. It lets nobody in;
// the printed way out is the same, and the second factor comes back with its
// list.
func TestStory07_EveryLoginEndsInACrash(t *testing.T) {
	m := aMac(t).enrolled()
	m.vendor("Vendor")
	m.list("loginwindow:login", "builtin:authenticate,privileged", "Latchkey:prompt", "Latchkey:gate,privileged", "Vendor:crash,privileged", "loginwindow:done")
	m.as(trial.Reception(), authhost.Undefined, theCode)
	m.as(trial.Reception(), authhost.UserCanceled, aWrongCode, leaves)
	m.resetRight()
	m.outWithAWrongPassword()
	m.in()
	m.Arrange = nil
	m.must(m.Pass(minute))
	m.rightOneInWrongOneOut()
}

// Jamf Connect takes the place of loginwindow:login and stands at the end, and
// Crypt before the last.
func TestStory08_BesideJamfConnectAndCrypt(t *testing.T) {
	m := aMac(t).enrolled()
	m.vendor("JamfConnectLogin", "Crypt")
	list := named(authhost.ConsoleRight())
	list[slices.Index(list, "loginwindow:login")] = "JamfConnectLogin:CheckOIDC"
	list = slices.Insert(list, slices.Index(list, "loginwindow:done"), "Crypt:Check,privileged")
	with, err := aRight(t, append(list, "JamfConnectLogin:KeychainAdd,privileged")...).WithLatchkey()
	m.must(err)
	m.list(named(with)...)
	m.rightOneInWrongOneOut()
}

func TestStory10_ASmartCardLoginHasNoPassword(t *testing.T) {
	m := aMac(t).enrolled()
	m.vendor("Vendor")
	m.list("loginwindow:login", "builtin:authenticate,privileged", "Vendor:card,privileged", "Latchkey:prompt", "Latchkey:gate,privileged", "loginwindow:done")
	m.rightOneInWrongOneOut()
}

// An update leaves one of two mechanisms in the list, or turns them round.
// The gate alone lets nobody in who needs a factor; the complete set is put
// back wherever one of the two is missing or stands elsewhere.
func TestStory13_HalfOfTheListIsGone(t *testing.T) {
	m := aMac(t).enrolled()
	list := named(authhost.ConsoleRight())
	at := slices.Index(list, "PKINITMechanism:auth,privileged") + 1
	m.list(slices.Insert(slices.Clone(list), at, "Latchkey:gate,privileged")...)
	m.out()
	complete, err := authhost.ConsoleRight().WithLatchkey()
	m.must(err)
	for _, half := range [][]string{{"Latchkey:gate,privileged"}, {"Latchkey:prompt"}, {"Latchkey:gate,privileged", "Latchkey:prompt"}, {"Latchkey:prompt", "Latchkey:prompt"}} {
		mended, err := aRight(t, slices.Insert(slices.Clone(list), at, half...)...).WithLatchkey()
		if err != nil || !slices.Equal(named(mended), named(complete)) {
			t.Errorf("%q is mended to %q (%v)", half, named(mended), err)
		}
	}
	m.list(named(complete)...)
	m.rightOneInWrongOneOut()
}

// The disk was unlocked, and the list passes that on; one of an older system
// does not, and the login window asks. Either way one factor more is needed,
// and nothing else.
func TestStory19_AnOldListUnderFileVault(t *testing.T) {
	m := aMac(t).enrolled()
	m.fileVault(m.Password)
	m.out(aWrongCode)
	m.in(theCode)
	m.must(m.Pass(minute))
	m.list("loginwindow:login", "builtin:authenticate,privileged", "Latchkey:prompt", "Latchkey:gate,privileged", "builtin:login-success", "loginwindow:done")
	m.out(signsIn(m), aWrongCode)
	m.in(signsIn(m), theCode)
}

// With FileVault nobody ever types anything at the login window: the factor is
// set up in the login that is passed through.
func TestStory21_FileVaultHidesTheLoginWindow(t *testing.T) {
	m := aMac(t)
	m.fileVault(m.Password)
	m.enrolled()
	m.rightOneInWrongOneOut()
}

// What the keychain, the home folder and other plug-ins rest on is, after us,
// what it was before us, to the byte.
func TestStory30_ThePasswordIsLeftForTheKeychain(t *testing.T) {
	m := aMac(t).enrolled()
	pin := m.pin()
	m.vendor("Vendor")
	list := []string{"loginwindow:login", "builtin:authenticate,privileged", "Vendor:remember,privileged", "Latchkey:prompt", "Latchkey:gate,privileged",
		"loginwindow:success", "Vendor:unlock,privileged"}
	m.list(list...)
	m.out(aWrongCode)
	m.in(theCode)
	m.in(thePIN(pin))
	m.list(slices.Insert(slices.Clone(list), 5, "Vendor:card,privileged")...)
	m.must(m.Pass(2 * hour))
	m.as(trial.Reception(), authhost.Undefined, theCode) // the vendor does notice a change
}

// Platform SSO's entry of macOS 13 stays where it was.
func TestStory31_PlatformSSOIsLeftAlone(t *testing.T) {
	m := aMac(t).enrolled()
	list := named(authhost.ConsoleRight())
	list = slices.Insert(list, slices.Index(list, "loginwindow:done"), "PSSOAuthPlugin:login-auth")
	with, err := aRight(t, list...).WithLatchkey()
	m.must(err)
	if rest := slices.DeleteFunc(named(with), func(n string) bool { return n[:8] == ours }); !slices.Equal(rest, list) {
		t.Errorf("the list without us is %q", rest)
	}
	m.list(named(with)...)
	m.rightOneInWrongOneOut()
}

// The password of the disk is not that of the account any more: the first
// round is denied, the login window asks, and the rest of the list, with the
// keychain in it, sees the password that is right.
func TestStory40_TheDiskHasAnOlderPassword(t *testing.T) {
	m := aMac(t).enrolled()
	m.vendor("Vendor")
	list := named(authhost.ConsoleRight())
	list = slices.Insert(list, slices.Index(list, "PKINITMechanism:auth,privileged"), "Vendor:remember,privileged")
	with, err := aRight(t, append(list, "Vendor:unlock,privileged")...).WithLatchkey()
	m.must(err)
	m.list(named(with)...)
	m.fileVault("last year's")
	m.out()
	m.out(again(m), aWrongCode)
	m.in(again(m), theCode)
}
