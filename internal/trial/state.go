package trial

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// CheckIn has the Mac talk to its server, and wants that account's secret
// confirmed.
func (w *World) CheckIn(a Account) error {
	if _, err := w.Latchkey("check-in"); err != nil {
		return err
	}
	state, err := w.Account(a)
	if err != nil {
		return err
	}
	w.Say("  check-in: the recovery secret is %s, generation %d", state.Secret.State, state.Secret.Generation)
	if state.Secret.State != "current" {
		return fmt.Errorf("the recovery secret is %s after a check-in", state.Secret.State)
	}
	return nil
}

// Status is what `latchkey status` knows.
func (w *World) Status() (s wire.Status, err error) {
	out, err := w.Latchkey("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}

// Account is what `latchkey status` knows of an account.
func (w *World) Account(a Account) (wire.AccountStatus, error) {
	s, err := w.Status()
	if err != nil {
		return wire.AccountStatus{}, err
	}
	for _, found := range s.Accounts {
		if found.Name == a.Name {
			return found, nil
		}
	}
	return wire.AccountStatus{}, fmt.Errorf("status knows no account %s", a.Name)
}

// Pass lets time go by on every clock. The clocks are two files: a check-in
// between the two writes would carry one clock's time over to the other, so
// none is let through meanwhile.
func (w *World) Pass(d time.Duration) error {
	w.Say("  %s go by", d)
	up := w.up
	w.Network(false)
	defer w.Network(up)
	if _, err := w.Latchkey("status"); err != nil { // by its answer, what was under way has ended
		return err
	}
	return w.Clocks.Pass(d)
}

// ReadAloud is the help desk: it makes a PIN for the account and reads it out.
func (w *World) ReadAloud(a Account, more ...string) (string, error) {
	args := append([]string{"pin", "generate", "--device", MachineSerial, "--user", a.Name, "--reason", "lost phone", "--ticket", "INC-4711"}, more...)
	out, err := w.Desk(HelpDesk, append(args, "--json")...)
	if err != nil {
		return "", err
	}
	var issued wire.IssuedPIN
	if err := json.Unmarshal([]byte(out), &issued); err != nil {
		return "", err
	}
	w.Say("  help desk reads a PIN aloud (%s, good for %d minutes once used)", issued.Method, issued.DurationMinutes)
	return issued.PIN, nil
}

// RebootWith ends the daemon, begins another boot with the wall clock moved by
// d, and starts the daemon again.
func (w *World) RebootWith(d time.Duration) error {
	w.Daemon.Stop()
	w.boots++
	if err := w.Clocks.Reboot(fmt.Sprintf("boot-%d", w.boots), d); err != nil {
		return err
	}
	return w.StartDaemon()
}

// Until asks again and again until it holds, or patience is at its end.
func (w *World) Until(what string, holds func() (bool, error)) error {
	deadline := time.After(patience)
	for {
		if ok, err := holds(); err != nil || ok {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("waited %s until %s", patience, what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
