package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial/trialtest"
)

const publishedProfile = "../testdata/profiles/jamf-pro.plist"

// TestKills and TestFailingDisk are the short form of `make torture`.
func TestKills(t *testing.T) {
	bin := programs(t)
	for seed := range uint64(2) {
		torture(t, options{bin: bin, kills: 100, seed: seed})
	}
}

func TestFailingDisk(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		message := fmt.Sprintf("strace makes system calls fail, and is not installed: %v", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	torture(t, options{bin: programs(t), kills: 40, seed: 3, faultsIn: 1})
}

func programs(t *testing.T) string {
	t.Helper()
	p, err := trialtest.From("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p.Folder(t)
}

func torture(t *testing.T, o options) {
	t.Helper()
	o.profile, o.out = publishedProfile, t.Output()
	r, err := newRun(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.play(); err != nil {
		t.Fatal(err)
	}
	t.Log(r.stats)
}
