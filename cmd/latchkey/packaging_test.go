package main

import (
	"os"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// TestTheAgentIsStartedWithASession: both systems' files start the agent as the
// person, with the same command.
func TestTheAgentIsStartedWithASession(t *testing.T) {
	raw, err := os.ReadFile("../../packaging/darwin/pkg/dev.latchkey.agent.plist")
	if err != nil {
		t.Fatal(err)
	}
	d, err := plist.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	arguments, _ := d.Root.Get("ProgramArguments")
	var words []string
	for _, v := range arguments.Value.Items {
		words = append(words, v.Text)
	}
	command := strings.Join(words, " ")
	if session, _ := d.Root.Get("LimitLoadToSessionType"); session.Value.Text != "Aqua" {
		t.Errorf("the agent would run in sessions of type %q, with the login window's among them", session.Value.Text)
	}
	if user, named := d.Root.Get("UserName"); named {
		t.Errorf("the agent would run as %s", user.Value.Text)
	}
	desktop, err := os.ReadFile("../../packaging/dev.latchkey.agent.desktop")
	if err != nil {
		t.Fatal(err)
	}
	if command != "/Library/Application Support/Latchkey/bin/latchkey agent" || !strings.Contains(string(desktop), "\nExec=/usr/local/bin/latchkey agent\n") {
		t.Errorf("the LaunchAgent runs %q, the autostart entry is\n%s", command, desktop)
	}
	if found, _, err := newCommand().Find(words[1:]); err != nil || found.Name() != "agent" {
		t.Errorf("latchkey has no %q: %v", words[1:], err)
	}
}
