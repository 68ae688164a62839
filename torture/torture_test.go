package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial/trialtest"
)

const publishedProfile = "../testdata/profiles/jamf-pro.plist"

// TestKills and TestFailingDisk are the short form of `make torture`.
func TestKills(t *testing.T) {
	bin := programs(t)
	for seed := range uint64(2) {
		torture(t, options{bin: bin, users: 2, kills: 50, seed: seed})
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
	torture(t, options{bin: programs(t), users: 2, kills: 30, seed: 3, faultsIn: 1})
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

// TestSoak is the short form of `make soak`.
func TestSoak(t *testing.T) {
	o := options{bin: programs(t), profile: publishedProfile, users: 10, seed: 4, out: t.Output()}
	if err := soak(t.Context(), o, 16*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestFlat(t *testing.T) {
	grows := func(by usage) (list []usage) {
		for day := range 40 {
			list = append(list, usage{Resident: 20_000_000 + day*by.Resident, Descriptors: 13 + day*by.Descriptors/10, Threads: 9 + day*by.Threads/10})
		}
		return list
	}
	spike := grows(usage{})
	spike[35] = usage{Resident: 60_000_000, Descriptors: 40, Threads: 30}
	warm := grows(usage{})
	warm[0], warm[1] = usage{Resident: 9_000_000, Descriptors: 5, Threads: 3}, usage{Resident: 12_000_000, Descriptors: 7, Threads: 4}
	for name, tt := range map[string]struct {
		list []usage
		want string
	}{
		"the same all days":      {grows(usage{}), ""},
		"a spike on one day":     {spike, ""},
		"warming up":             {warm, ""},
		"a leak of memory":       {grows(usage{Resident: 500_000}), "memory grows"},
		"a leak of descriptors":  {grows(usage{Descriptors: 3}), "descriptors become more"},
		"a leak of threads":      {grows(usage{Threads: 3}), "threads become more"},
		"too few days to say so": {grows(usage{})[:7], "too few"},
	} {
		if err := flat(tt.list, memorySlack); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
