package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// checkIn has the Mac talk to its server. Under fire it may fail.
func (r *run) checkIn(underFire bool) error {
	m := moment{begin: r.now()}
	r.asking()
	err := control(r.ctx, r.world.Sockets(), wire.MsgCheckInNow, nil)
	m.end = r.now()
	var said *xipc.RemoteError
	if underFire && (errors.Is(err, errCut) || errors.As(err, &said)) {
		for _, p := range r.people {
			if err := p.now("check-in: cut", func(a account) []account { return a.meanwhile(m) }); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("check in: %w", err)
	}
	for _, p := range r.people {
		if err := p.now("check-in", func(a account) []account { return a.checkedIn(m) }); err != nil {
			return err
		}
	}
	return nil
}

// drain lets everything settle and compares the books: every event once, and
// every secret on both sides.
func (r *run) drain() error {
	r.stats.Drains++
	for range 3 { // a rotation that fell due is carried out by the next one
		if err := r.checkIn(false); err != nil {
			return err
		}
	}
	if err := r.readLog(); err != nil {
		return err
	}
	for _, p := range r.people {
		if err := r.compareEvents(p); err != nil {
			return err
		}
	}
	return r.compareSecrets()
}

// logged is an event of the server's log.
type logged struct {
	EventType string
	Target    []struct{ ID string }
	Debug     struct {
		Data map[string]string `json:"debugData"`
	} `json:"debugContext"`
	Latchkey struct{ Seq uint64 }
}

func (r *run) readLog() error {
	var verdict struct {
		OK     bool   `json:"ok"`
		Reason string `json:"reason"`
	}
	if _, err := r.desk.call(r.ctx, "GET", "/api/v1/latchkey/logs/verification", nil, &verdict); err != nil {
		return err
	}
	if !verdict.OK {
		return fmt.Errorf("the chain of the server's log is broken: %s", verdict.Reason)
	}
	for {
		var page []logged
		if _, err := r.desk.call(r.ctx, "GET", fmt.Sprintf("/api/v1/logs?limit=1000&after=%d&since=2000-01-01T00:00:00Z", r.cursor), nil, &page); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, e := range page {
			r.cursor = e.Latchkey.Seq
			if err := r.count(e); err != nil {
				return err
			}
		}
	}
}

func (r *run) count(e logged) error {
	name := strings.TrimPrefix(e.EventType, "device.desktop_mfa.")
	if strings.Contains(name, "unmatched") {
		return fmt.Errorf("the server's log has %s: %v", name, e.Debug.Data)
	}
	for _, p := range r.people {
		if !slices.ContainsFunc(e.Target, func(t struct{ ID string }) bool { return t.ID == r.desk.accounts[p.GUID] }) {
			continue
		}
		for i := range events {
			if eventName(i) == name {
				p.counted[i]++
			}
		}
		if name == "recovery_pin.rotate_secret" {
			side := "server"
			if e.Debug.Data["deviceEventId"] != "" {
				side = "Mac"
			}
			generation := side + " " + e.Debug.Data["generation"]
			if p.rotated[generation] {
				return &violation{person: p, what: "the rotation is in the log twice: " + generation}
			}
			p.rotated[generation] = true
		}
	}
	return nil
}

// compareEvents keeps the states whose events are those of the log.
func (r *run) compareEvents(p *person) error {
	what := "the server's log has"
	for i := range events {
		what += fmt.Sprintf(" %d %s,", p.counted[i], eventName(i))
	}
	return p.now(what, func(a account) []account {
		if a.Seen != p.counted {
			return nil
		}
		return []account{a}
	})
}

// compareSecrets wants the secret of each account to be the same on both sides,
// and an event for each generation.
func (r *run) compareSecrets() error {
	var s wire.Status
	if err := control(r.ctx, r.world.Sockets(), wire.MsgStatus, &s); err != nil {
		return err
	}
	there, err := r.desk.osAccounts(r.ctx)
	if err != nil {
		return err
	}
	for _, p := range r.people {
		i := slices.IndexFunc(s.Accounts, func(a wire.AccountStatus) bool { return a.GUID == p.GUID })
		j := slices.IndexFunc(there, func(a osAccount) bool { return a.Profile.AccountUUID == p.GUID })
		if i < 0 || j < 0 {
			return &violation{person: p, what: "the account is gone"}
		}
		mac, server := s.Accounts[i].Secret, there[j].Latchkey.Recovery
		if mac.State != "current" || mac.Generation != server.Generation || mac.KeyID != server.KeyID {
			return &violation{person: p, what: fmt.Sprintf("the Mac has the secret %+v, the server %+v", mac, server)}
		}
		for g := range mac.Generation {
			for _, side := range []string{"Mac", "server"} {
				if !p.rotated[fmt.Sprint(side, " ", g+1)] {
					return &violation{person: p, what: fmt.Sprintf("generation %d of %d has no event of the %s", g+1, mac.Generation, side)}
				}
			}
		}
	}
	return nil
}
