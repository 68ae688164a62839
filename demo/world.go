package main

import (
	"context"
	"os"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// world is the trial with what its chapters hand on to each other.
type world struct {
	*trial.World
	phone       trial.Phone // reception's
	officePhone trial.Phone
	orgApp      totp.Key // office's, verified by the org
	key         *softkey.Key
	pins        []string // that were read aloud
}

func newWorld(ctx context.Context, bin, profile, shots string) (*world, error) {
	w, err := trial.New(ctx, trial.Options{Bin: bin, Profile: profile, Shots: shots, Out: os.Stdout})
	return &world{World: w}, err
}

// login plays one login with the phone in hand, and wants that end of it.
func (w *world) login(name string, want authhost.Result, play func(*trial.Person) error) error {
	return w.Login(name, &w.phone, want, play)
}
