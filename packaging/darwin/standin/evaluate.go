package main

import (
	"bytes"
	"context"
	"debug/macho"
	"io"
	"os"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// installed is the program of the plug-in as the package lays it down: a file for
// Macs, which cannot run here. The same source runs from plugin in its place.
const (
	installed = "/Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents/MacOS/Latchkey"
	plugin    = standin + "/Latchkey.so"
)

// evaluate evaluates a right for real, with authd's rules and the real plug-in,
// where the bundle that is installed could be loaded by a Mac. Without it every
// mechanism of it is one that authd does not find: nobody gets in.
func evaluate(name string, raw []byte, login *authhost.Credentials, says io.Writer) (authhost.Outcome, error) {
	right, err := authhost.ParseRight(name, raw)
	if err != nil {
		return authhost.Outcome{Result: authhost.Undefined}, err
	}
	accounts, err := devaccounts.Load(standin + "/accounts.json")
	if err != nil {
		return authhost.Outcome{Result: authhost.Undefined}, err
	}
	plugins := map[string]string{}
	if loadable() {
		plugins["Latchkey"] = plugin
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return authhost.Run(ctx, authhost.Options{Right: right, Plugins: plugins, Host: standin + "/latchkey-host", Accounts: accounts,
		FileVault: login, Computer: "Mac", Env: []string{"PATH=/usr/bin:/bin"}, Transcript: says, HostsSay: says})
}

// loadable: the file is whole, and has a part for each kind of Mac.
func loadable() bool {
	raw, err := os.ReadFile(installed)
	if err != nil {
		return false
	}
	parts, err := macho.NewFatFile(bytes.NewReader(raw))
	if err != nil {
		return false
	}
	defer func() { _ = parts.Close() }()
	var have []macho.Cpu
	for _, a := range parts.Arches {
		if uint64(a.Offset)+uint64(a.Size) <= uint64(len(raw)) && a.Type == macho.TypeBundle {
			have = append(have, a.Cpu)
		}
	}
	return slices.Contains(have, macho.CpuArm64) && slices.Contains(have, macho.CpuAmd64)
}
