package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// TestTheLineOfAnInventory: the worst account decides, and no name or reason
// breaks out of the line.
func TestTheLineOfAnInventory(t *testing.T) {
	at := func(day int) *time.Time { d := time.Date(2026, 12, day, 23, 0, 0, 0, time.UTC); return &d }
	account := func(name, state string, until *time.Time) wire.AccountStatus {
		return wire.AccountStatus{Account: wire.Account{Name: name, Governed: true, Secret: wire.SecretState{State: state}}, RecoverableUntil: until}
	}
	exempt := wire.AccountStatus{Account: wire.Account{Name: "breakglass", Exempt: true}}
	armed := wire.Armed{State: "armed", Reason: "the profile is in force"}
	for want, s := range map[string]wire.Status{
		"armed; recoverable until 2026-12-24":                           {Armed: armed, Accounts: []wire.AccountStatus{account("amy", "current", at(28)), account("bo", "current", at(24)), exempt}},
		"armed; not recoverable: bo and 1 more":                         {Armed: armed, Accounts: []wire.AccountStatus{account("amy", "current", at(28)), account("bo", "pending", nil), account("cy", "none", nil)}},
		"armed; not recoverable: amy":                                   {Armed: armed, Accounts: []wire.AccountStatus{account("amy", "current", nil)}},
		"armed; nobody to recover yet":                                  {Armed: armed, Accounts: []wire.AccountStatus{exempt}},
		"armed, kill-switch present; nobody to recover yet":             {Armed: armed, KillSwitch: true},
		"disarmed (the plug-in is not signed); nobody to recover yet":   {Armed: wire.Armed{State: "disarmed", Reason: "the plug-in\nis not signed"}},
		"unknown (security said and /result it); nobody to recover yet": {Armed: wire.Armed{State: "unknown", Reason: "security said & </result> it"}},
	} {
		if got := attributeOf(s); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// TestAnInventoryAlwaysGetsALine: also from a Mac whose daemon is gone.
func TestAnInventoryAlwaysGetsALine(t *testing.T) {
	var out, errs bytes.Buffer
	code := run([]string{"--sockets", t.TempDir(), "status", "--attribute"}, strings.NewReader(""), &out, &errs)
	if code != 0 || out.String() != "unknown: latchkeyd does not answer\n" || errs.Len() == 0 {
		t.Errorf("%d, %q, %q", code, &out, &errs)
	}
}
