package loginright

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/systemtool"
)

// SecurityPath is the tool of macOS by which authd is spoken to.
const SecurityPath = "/usr/bin/security"

// patience is how long one run of it may take. authd answers in milliseconds;
// at start-up, and while it makes its database anew, in seconds.
const patience = 20 * time.Second

// rehearsalPatience is longer: macOS has to start the process that plug-ins run
// in, and the plug-in waits for latchkeyd.
const rehearsalPatience = 45 * time.Second

// Authd is the authorization database, by way of `security authorizationdb`
// (SecurityTool/macOS/authz.c: the right as XML on standard output or input,
// and another code than 0 when it did not work). Only root may write.
type Authd struct {
	Path string // of the tool; "" is SecurityPath
}

// ErrDenied: the right was evaluated, and the answer was no.
var ErrDenied = errors.New("authd says no")

func (a Authd) tool(timeout time.Duration) systemtool.Tool {
	if a.Path == "" {
		a.Path = SecurityPath
	}
	return systemtool.Tool{Path: a.Path, Timeout: timeout}
}

// known are the rights that are ever named to the tool.
func known(right string) error {
	if !slices.Contains([]string{Console, RehearsalRight}, right) {
		return fmt.Errorf("%q is no right of Latchkey's business", right)
	}
	return nil
}

// Read is the right as authd has it.
func (a Authd) Read(ctx context.Context, right string) ([]byte, error) {
	if err := known(right); err != nil {
		return nil, err
	}
	out, _, err := a.tool(patience).Run(ctx, nil, "authorizationdb", "read", right)
	if err != nil {
		return nil, fmt.Errorf("read the right %s: %w", right, err)
	}
	return out, nil
}

// Write replaces the right. That the tool says that it worked is not believed:
// read it again.
func (a Authd) Write(ctx context.Context, right string, xml []byte) error {
	if err := known(right); err != nil {
		return err
	}
	if _, _, err := a.tool(patience).Run(ctx, xml, "authorizationdb", "write", right); err != nil {
		return fmt.Errorf("write the right %s: %w", right, err)
	}
	return nil
}

// Remove takes the private right of the rehearsal away, and no other.
func (a Authd) Remove(ctx context.Context, right string) error {
	if right != RehearsalRight {
		return fmt.Errorf("the right %s is not removed: only %s ever is", right, RehearsalRight)
	}
	if _, _, err := a.tool(patience).Run(ctx, nil, "authorizationdb", "remove", right); err != nil {
		return fmt.Errorf("remove the right %s: %w", right, err)
	}
	return nil
}

// Evaluate has authd evaluate the private right of the rehearsal. Errors:
// ErrDenied where it was evaluated and the answer was no.
func (a Authd) Evaluate(ctx context.Context, right string) error {
	if right != RehearsalRight {
		return fmt.Errorf("the right %s is not evaluated: only %s ever is", right, RehearsalRight)
	}
	_, said, err := a.tool(rehearsalPatience).Run(ctx, nil, "authorize", "-u", right)
	var failed *systemtool.FailedError
	if errors.As(err, &failed) && strings.Contains(string(said), deniedCode) {
		return fmt.Errorf("evaluate the right %s: %w", right, ErrDenied)
	}
	if err != nil {
		return fmt.Errorf("evaluate the right %s: %w", right, err)
	}
	return nil
}

// deniedCode is errAuthorizationDenied (Authorization.h), as the tool prints it:
// "NO (-60005)". Whatever else goes wrong has another code.
const deniedCode = "(-60005)"
