package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/authenticator"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/webpush"
)

// factorsAt are those of a server that phones and security keys know by its URL.
func (d *data) factorsAt(publicURL string) (*factor.Book, error) {
	party, err := credential.NewParty(publicURL)
	if err != nil {
		return nil, err
	}
	b := d.factors()
	b.Party = party
	return b, nil
}

// phones is the page of the phones, with what calls them.
type phones struct {
	page   *authenticator.Server
	beside []func(ctx context.Context) error
}

func (d *data) phones(ctx context.Context, o serveOptions, factors *factor.Book, log *zap.Logger) (phones, error) {
	push, err := webpush.New(ctx, webpush.Config{DB: d.db, Vault: d.vault, Log: d.log, Factors: factors, Zap: log, PublicURL: o.publicURL, Own: o.pushServices})
	if err != nil {
		return phones{}, err
	}
	page := authenticator.New(authenticator.Config{DB: d.db, Log: d.log, Factors: factors, Push: push, Zap: log, Now: d.now})
	factors.Sent = func(user string) {
		page.Sent(user)
		push.Call(user)
	}
	return phones{page: page, beside: []func(ctx context.Context) error{page.Run, push.Run}}, nil
}
