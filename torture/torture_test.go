package main

import (
	"os"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// TestKills is the short form of `make torture`.
func TestKills(t *testing.T) {
	bin, err := os.MkdirTemp("", "latchkey-bin-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(bin)
	if err := trial.Build(t.Context(), "..", bin); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(2) {
		r, err := newRun(t.Context(), options{bin: bin, profile: "../testdata/profiles/jamf-pro.plist", kills: 100, seed: seed, out: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.play(); err != nil {
			t.Fatal(err)
		}
		t.Log(r.stats)
	}
}
