package trial

import (
	"os"
	"path/filepath"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// Window is the login window; with a player nobody has to sit at it.
func (w *World) Window(terminal *os.File, player authhost.Player) (authhost.Options, error) {
	right, err := authhost.ConsoleRight().WithLatchkey()
	if err != nil {
		return authhost.Options{}, err
	}
	accounts, err := devaccounts.Load(w.Path("accounts.json"))
	if err != nil {
		return authhost.Options{}, err
	}
	o := authhost.Options{Right: right, Plugins: map[string]string{"Latchkey": filepath.Join(w.Bin, "Latchkey.so")},
		Host: filepath.Join(w.Bin, "latchkey-host"), Accounts: accounts, Computer: MachineName,
		Env:      append(os.Environ(), "LATCHKEY_SOCKETS="+w.Sockets(), "LATCHKEY_FILES="+w.Path("files"), "TERM=xterm-256color", "LANG=en_US.UTF-8"),
		Terminal: terminal, Player: player, Width: 100, Height: 34}
	if w.Arrange != nil {
		w.Arrange(&o)
	}
	return o, nil
}
