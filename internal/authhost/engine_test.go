package authhost

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"go.uber.org/goleak"
)

func right(t *testing.T, mechanisms ...string) Right {
	t.Helper()
	r := Right{Name: "system.login.console", Tries: 3}
	for _, text := range mechanisms {
		m, err := ParseMechanism(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Mechanisms = append(r.Mechanisms, m)
	}
	return r
}

func accounts(t *testing.T) *devaccounts.File {
	t.Helper()
	data, err := os.ReadFile("testdata/accounts.json") // the password is "correct horse"
	if err != nil {
		t.Fatal(err)
	}
	f, err := devaccounts.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fake are options whose host is the test binary.
func fake(t *testing.T, mechanisms ...string) Options {
	t.Helper()
	return Options{Right: right(t, mechanisms...), Host: hostCopy, Env: append(os.Environ(), "AUTHHOST_TEST_HOST=1"),
		Plugins: map[string]string{"P": "any.so", "Broken": "broken.so"}, Accounts: accounts(t)}
}

func run(t *testing.T, o Options) (Outcome, string, error) {
	t.Helper()
	var transcript bytes.Buffer
	o.Transcript = &transcript
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := Run(ctx, o)
	goleak.VerifyNone(t)
	return out, transcript.String(), err
}

func TestResultsLeadWhereAuthdLeads(t *testing.T) {
	for _, c := range []struct {
		name   string
		list   []string
		result Result
		rounds int
		says   []string // in this order
	}{
		{"allow goes on", []string{"P:allow", "P:allow,privileged"}, Allow, 1, []string{"  0  P:allow ", "  1  P:allow,privileged", "login, but no user"}},
		{"deny begins again", []string{"builtin:prelogin", "P:deny-first"}, Allow, 2, []string{"round 1  tries 0  reason 0", "  0  builtin:prelogin", "Deny", "round 2  tries 1  reason 21", "  0  builtin:prelogin", "no-op", "  1  P:deny-first"}},
		{"denied for good", []string{"P:deny"}, Deny, 3, []string{"round 3", "3 rounds were denied"}},
		{"canceled ends", []string{"P:cancel", "P:allow"}, UserCanceled, 1, []string{"UserCanceled", "no login: UserCanceled, P:cancel"}},
		{"undefined ends", []string{"P:allow", "P:undefined", "P:allow"}, Undefined, 1, []string{"Undefined"}},
		{"crash ends", []string{"P:allow", "P:crash"}, Undefined, 1, []string{"host process ended: exit status 3"}},
		{"the other host lives on", []string{"P:allow,privileged", "P:crash"}, Undefined, 1, []string{"privileged host", "exit status 3"}},
		{"missing plug-in", []string{"Ghost:check"}, Undefined, 1, []string{"no plug-in Ghost", "--plugin Ghost=FILE"}},
		{"plug-in that does not load", []string{"builtin:prelogin", "Broken:x"}, Undefined, 1, []string{"undefined symbol: sorry"}},
		{"create fails", []string{"P:create-fails"}, Undefined, 1, []string{"MechanismCreate returned -1", "for ever"}},
		{"invoke fails", []string{"builtin:prelogin", "P:invoke-fails"}, Undefined, 1, []string{"MechanismInvoke returned -2"}},
		{"empty list", nil, Allow, 0, []string{"!!! THE MECHANISM LIST IS EMPTY"}},
		{"interrupt", []string{"P:interrupts", "builtin:login-begin", "P:hangs-once"}, Allow, 1,
			[]string{"  0  P:interrupts", "  1  builtin", "interrupt: P:interrupts asked", "  0  P:interrupts", "  1  builtin", "  2  P:hangs-once"}},
		{"the same instance is invoked again", []string{"P:counts", "P:deny"}, Deny, 3, []string{"hints: run-1", "round 2", "hints: run-2", "round 3", "hints: run-3"}},
		{"apple's own", []string{"PKINITMechanism:auth,privileged", "loginwindow:done"}, Allow, 1, []string{"PKINITMechanism:auth,privileged", "no-op", "loginwindow:done", "no-op"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, transcript, err := run(t, fake(t, c.list...))
			if err != nil {
				t.Fatal(err)
			}
			if out.Result != c.result || out.Rounds != c.rounds || len(out.Faults) != 0 {
				t.Errorf("%+v, want %v in %d rounds\n%s", out, c.result, c.rounds, transcript)
			}
			inOrder(t, transcript, c.says)
		})
	}
}

func inOrder(t *testing.T, text string, wanted []string) {
	t.Helper()
	rest := text
	for _, w := range wanted {
		_, after, found := strings.Cut(rest, w)
		if !found {
			t.Errorf("no %q in its place:\n%s", w, text)
			return
		}
		rest = after
	}
}

func TestBreachesOfTheContractAreFaults(t *testing.T) {
	for _, c := range []struct {
		mechanism string
		result    Result
		fault     string
	}{
		{"P:twice", Allow, "second result"},
		{"P:faulty", Allow, "second SetResult"},
		{"P:interrupts-early", Allow, "interrupt before its result"},
		{"P:none-of-four", Undefined, "none of the four"},
		{"P:garbage", Undefined, ""},
		{"P:huge", Undefined, ""},
	} {
		t.Run(c.mechanism, func(t *testing.T) {
			out, transcript, err := run(t, fake(t, c.mechanism, "P:allow,privileged", "P:allow"))
			if err != nil {
				t.Fatal(err)
			}
			if out.Result != c.result || c.fault != "" && !strings.Contains(strings.Join(out.Faults, "\n"), c.fault) {
				t.Errorf("%+v\n%s", out, transcript)
			}
		})
	}
}

func TestOnlyStickyContextSurvivesADenial(t *testing.T) {
	_, transcript, err := run(t, fake(t, "P:sticky", "P:describes"))
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, transcript, []string{"hints: advice", "context: kept lost", "round 2", "sticky context kept: kept\n",
		"P:describes", "hints: context-names euid -client-path"})
	if strings.Contains(transcript, "lost -") || strings.Contains(transcript, "stale-advice") {
		t.Error(transcript)
	}
}

func TestFileVaultPassesThroughOnce(t *testing.T) {
	o := fake(t, "builtin:prelogin", "loginwindow:login", "builtin:forward-login,privileged", "builtin:authenticate,privileged", "P:describes", "P:allow,privileged")
	o.FileVault = &Credentials{Name: "ANNA example", Password: []byte("correct horse")}
	out, transcript, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if out.Result != Allow || out.User != "anna" || out.UID != 501 {
		t.Errorf("%+v\n%s", out, transcript)
	}
	inOrder(t, transcript, []string{"asks nothing", "context: fvusername password username", "account file", "context: gid home uid username", "login: anna, uid 501"})
	if strings.Contains(transcript, "correct") || strings.Contains(transcript, "horse") {
		t.Error("the transcript shows the password")
	}
	o.FileVault.Password = []byte("wrong")
	if _, transcript, err = run(t, o); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("a second round without a terminal: %v\n%s", err, transcript)
	}
}

func TestAHangingMechanismEndsOnlyFromOutside(t *testing.T) {
	o := fake(t, "P:hangs")
	o.Player = play(func(ctx context.Context, s *Session) error {
		if err := s.WaitForText(ctx, "hanging"); err != nil {
			return err
		}
		return errors.New("I give up")
	})
	_, _, err := run(t, o)
	var gaveUp *PlayError
	if !errors.As(err, &gaveUp) || !strings.Contains(err.Error(), "I give up") {
		t.Errorf("%v", err)
	}
}

type play func(context.Context, *Session) error

func (p play) Play(ctx context.Context, s *Session) error { return p(ctx, s) }

func TestAHostThatDoesNotStartIsAnError(t *testing.T) {
	o := fake(t, "P:allow")
	o.Host = filepath.Join(t.TempDir(), "none")
	if _, _, err := run(t, o); err == nil || !strings.Contains(err.Error(), o.Host) {
		t.Errorf("%v", err)
	}
	o.Player = play(func(ctx context.Context, s *Session) error { return s.WaitForText(ctx, "anything") })
	if _, _, err := run(t, o); err == nil || !strings.Contains(err.Error(), o.Host) {
		t.Errorf("with a player: %v", err)
	}
}

func TestAPersonAtTheWindow(t *testing.T) {
	for _, c := range []struct {
		name   string
		list   []string
		do     func(t *testing.T, s *Session)
		result Result
		user   string
	}{
		{"full name, a slip and a hidden password", []string{"loginwindow:login", "builtin:authenticate,privileged"}, func(t *testing.T, s *Session) {
			shows(t, s, "Log in to Mac of Anna")
			types(t, s, "annz", "backspace")
			types(t, s, "a Example", "enter")
			types(t, s, "correct horse", "left")
			shows(t, s, "•••••••••••••")
			if strings.Contains(s.Text(), "horse") {
				t.Error("the password can be read while it is typed")
			}
			types(t, s, "", "enter")
		}, Allow, "anna"},
		{"wrong password, then right", []string{"loginwindow:login", "builtin:authenticate,privileged"}, func(t *testing.T, s *Session) {
			types(t, s, "aexample", "enter")
			types(t, s, "wrong", "enter")
			shows(t, s, "Back at the start")
			types(t, s, "aexample", "enter")
			types(t, s, "xyz", "ctrl+u")
			types(t, s, "correct horse", "enter")
		}, Allow, "anna"},
		{"escape", []string{"loginwindow:login", "builtin:authenticate,privileged"}, func(t *testing.T, s *Session) {
			shows(t, s, "Name")
			types(t, s, "an", "esc")
		}, UserCanceled, ""},
		{"a list without a login window", []string{"builtin:authenticate", "P:asks"}, func(t *testing.T, s *Session) {
			types(t, s, "anna", "enter")
			types(t, s, "correct horse", "enter")
			shows(t, s, "Type the code")
			types(t, s, "123456", "enter")
			shows(t, s, "thank you")
		}, Allow, "anna"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fake(t, c.list...)
			o.Computer = "Mac of Anna"
			o.Player = play(func(ctx context.Context, s *Session) error {
				c.do(t, s)
				if strings.Contains(s.Text(), "correct horse") {
					t.Error("the password can be read")
				}
				_, err := s.Outcome(ctx)
				return err
			})
			out, transcript, err := run(t, o)
			if err != nil || out.Result != c.result || out.User != c.user {
				t.Errorf("%+v, %v\n%s", out, err, transcript)
			}
		})
	}
}

func shows(t *testing.T, s *Session, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.WaitForText(ctx, text); err != nil {
		t.Errorf("no %q: %v\n%s", text, err, s.Text())
	}
}

func types(t *testing.T, s *Session, text string, keys ...string) {
	t.Helper()
	if err := s.Type(text); err != nil {
		t.Error(err)
	}
	for _, key := range keys {
		if err := s.Press(key); err != nil {
			t.Error(err)
		}
	}
}

func TestUnprivilegedMechanismsRunAsSecurityAgent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root can start a process as uid 92")
	}
	s := hostSetting{path: "host"}
	if c := s.command(false, nil, nil); c.SysProcAttr.Credential == nil || c.SysProcAttr.Credential.Uid != 92 || c.SysProcAttr.Credential.Gid != 92 {
		t.Error("the unprivileged host would run as root")
	}
	if c := s.command(true, nil, nil); c.SysProcAttr.Credential != nil {
		t.Error("the privileged host would not run as root")
	}
}
