package authhost

// ConsoleRight is system.login.console as macOS 14, 15 and 26 ship it (rule
// version 11).
func ConsoleRight() Right {
	r := Right{Name: "system.login.console", Tries: defaultTries}
	for _, m := range []struct {
		plugin, id string
		privileged bool
	}{
		{"builtin", "prelogin", false},
		{"builtin", "policy-banner", false},
		{"loginwindow", "login", false},
		{"builtin", "login-begin", false},
		{"builtin", "reset-password", true},
		{"loginwindow", "FDESupport", true},
		{"builtin", "forward-login", true},
		{"builtin", "auto-login", true},
		{"builtin", "authenticate", true},
		{"PKINITMechanism", "auth", true},
		{"builtin", "login-success", false},
		{"loginwindow", "success", false},
		{"HomeDirMechanism", "login", true},
		{"HomeDirMechanism", "status", false},
		{"MCXMechanism", "login", false},
		{"CryptoTokenKit", "login", false},
		{"loginwindow", "done", false},
	} {
		r.Mechanisms = append(r.Mechanisms, Mechanism{m.plugin, m.id, m.privileged})
	}
	return r
}
