package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/rootfile"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// farewellPatience is how long a removal waits for the daemon to tell its server.
// A Mac without a network is removed all the same.
const farewellPatience = 15 * time.Second

// removingText is for who finds the file after a removal that was cut short.
const removingText = "`latchkey uninstall` was said on this Mac. While this file is here, latchkeyd keeps the login window disarmed.\n`sudo latchkey login-right arm --apply` ends that.\n"

// farewell has the daemon see that the right is disarmed, and tell its server
// before it ends: what takes the second factor away leaves an event. It is no
// reason to stop a removal that there is no daemon, or no server.
func farewell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, farewellPatience)
	defer cancel()
	// So that it takes the right for disarmed on purpose, and does not wait to arm it.
	byHand := filepath.Join(places.Files, loginright.ByHandName)
	if !rootfile.Present(byHand) {
		if err := rootfile.Leave(byHand, removingText); err != nil {
			return err
		}
		defer func() { _ = rootfile.TakeBack(byHand) }() // which the removal would do as well
	}
	checkIn := func() error { return ask(ctx, places.Sockets, wire.MsgCheckInNow, wire.Dictionary{}, nil) }
	told := checkIn() // it looks at the right, and may have checked in before it has
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		var s wire.Status
		if err := ask(ctx, places.Sockets, wire.MsgStatus, wire.Dictionary{}, &s); err != nil {
			return err
		}
		if s.Armed.State == loginright.Absent.String() {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
	if told != nil {
		return told
	}
	return checkIn()
}
