package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Codes of Authorization.h, as the tool prints them.
const (
	success   = 0
	denied    = -60005
	canceled  = -60006
	internal  = -60008
	invalidDB = -60033 // errAuthorizationInvalid… of a list that authd does not take
)

// answer prints the code as the tool does, and is its exit code.
func (m machine) answer(code int) int {
	if code == success {
		fmt.Fprintln(m.err, "YES (0)")
		return 0
	}
	fmt.Fprintf(m.err, "NO (%d)\n", code)
	return 1
}

// security is `security authorizationdb read|write|remove RIGHT`, `security
// authorize -u RIGHT`, and `security delete-generic-password`.
func (m machine) security() int {
	if fault("security.hang") {
		time.Sleep(time.Hour)
	}
	if fault("security.fail") {
		return m.fail(1, "security: SecKeychainSomething: One or more parameters passed to a function were not valid.")
	}
	words := strings.Join(m.args, " ")
	switch {
	case len(m.args) == 3 && strings.HasPrefix(words, "authorizationdb "):
		return m.database(m.args[1], m.args[2])
	case len(m.args) == 3 && strings.HasPrefix(words, "authorize -u "):
		return m.authorize(m.args[2])
	case len(m.args) > 0 && m.args[0] == "delete-generic-password":
		return m.deletePassword()
	}
	return m.fail(2, "security: no such command here: %s", words)
}

func (m machine) database(verb, right string) int {
	if fault("security.new") {
		fmt.Fprintln(m.out, `{"right":"`+right+`","format":"of another macOS"}`)
		return m.answer(success)
	}
	switch verb {
	case "read":
		return m.readRight(right)
	case "write":
		return m.writeRight(right)
	case "remove":
		if os.Remove(rulePath(right)) != nil {
			return m.answer(denied)
		}
		return m.answer(success)
	}
	return m.fail(2, "security: no such command here: authorizationdb %s", verb)
}

func (m machine) readRight(right string) int {
	raw, err := load(right)
	if err != nil {
		return m.answer(denied)
	}
	_, _ = m.out.Write(raw)
	if once("security.meddle") {
		if err := meddle(right); err != nil {
			return m.fail(1, "stand-in: %v", err)
		}
	}
	return m.answer(success)
}

func (m machine) writeRight(right string) int {
	raw, err := io.ReadAll(io.LimitReader(m.in, plist.MaxSize))
	if err != nil {
		return m.answer(internal)
	}
	r, err := parseRule(raw)
	switch {
	case err != nil || os.Geteuid() != 0:
		return m.answer(invalidDB)
	case fault("security.lies"):
		return m.answer(success)
	}
	if err := store(right, r); err != nil {
		return m.answer(internal)
	}
	return m.answer(success)
}

// authorize evaluates a right as authd does, with the plug-in that is installed.
func (m machine) authorize(right string) int {
	raw, err := load(right)
	if err != nil {
		return m.answer(denied)
	}
	outcome, err := evaluate(right, raw, nil, m.err)
	switch {
	case err != nil:
		fmt.Fprintln(m.err, "stand-in:", err)
		return m.answer(internal)
	case outcome.Result == authhost.Allow:
		return m.answer(success)
	case outcome.Result == authhost.Deny:
		return m.answer(denied)
	case outcome.Result == authhost.UserCanceled:
		return m.answer(canceled)
	}
	return m.answer(internal)
}

// loginWindow is `loginwindow NAME`, with the password on standard input: one
// login, by the right as it is now. It prints what came of it.
func (m machine) loginWindow() int {
	raw, err := load("system.login.console")
	if err != nil || len(m.args) != 1 {
		return m.fail(2, "loginwindow: no name, or no right: %v", err)
	}
	password, err := io.ReadAll(io.LimitReader(m.in, 1024))
	if err != nil {
		return m.fail(2, "loginwindow: %v", err)
	}
	outcome, err := evaluate("system.login.console", raw, &authhost.Credentials{Name: m.args[0], Password: password}, m.err)
	if err != nil && !errors.Is(err, authhost.ErrNoTerminal) {
		return m.fail(2, "loginwindow: %v", err)
	}
	fmt.Fprintln(m.out, outcome)
	if outcome.Result != authhost.Allow {
		return 1
	}
	return 0
}

// deletePassword takes the daemon's item out of the System keychain, which is a
// file here.
func (m machine) deletePassword() int {
	if os.Remove(standin+"/keychain") != nil {
		return m.fail(44, "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.")
	}
	return 0
}
