package service

import (
	"context"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// sessionHandler serves people within their sessions: what there is of their
// own account, and conversations in which they set up factors. The kernel says
// who calls, and no request can name anybody else.
type sessionHandler struct{ daemon *Daemon }

func (h sessionHandler) Open(ctx context.Context, peer xipc.Peer, hello xipc.Hello, send func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return &sessionEndpoint{daemon: h.daemon, uid: peer.UID, ctx: ctx, panel: panel{h.daemon.texts.For(hello.Locales), send}}, nil
}

// sessionEndpoint is used by one connection, which handles its requests in turn.
type sessionEndpoint struct {
	daemon *Daemon
	uid    uint32
	ctx    context.Context
	panel
	talk
}

func (e *sessionEndpoint) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	switch name {
	case wire.MsgMine:
		return reply(e.daemon.mine(ctx, e.uid))
	case wire.MsgBegin:
		return e.talk.begin(func() (*session.Conversation, error) { return e.daemon.sessions.Enrol(e.ctx, e.uid, e) })
	case wire.MsgAct:
		return e.act(ctx, body)
	}
	return nil, unknownRequest(name) // refused by default
}

func (d *Daemon) mine(ctx context.Context, uid uint32) (wire.Mine, error) {
	account, err := d.options.Directory.Lookup(ctx, uid)
	if err != nil {
		return wire.Mine{}, xipc.Failure{Code: "unknown_account", Message: "this Mac has no such account"}
	}
	m := wire.Mine{Name: account.Name}
	rules, err := d.inForce.Rules(account)
	m.Governed = err != nil || rules.Governed
	link, _, err := d.links.Of(account.GUID)
	if err != nil {
		return wire.Mine{}, err
	}
	m.Linked = link.Login
	if m.Factors, err = d.factors(account.GUID); err != nil {
		return wire.Mine{}, err
	}
	left, until, err := d.recovery.Window(account.GUID, d.inForce.PINDuration())
	m.WindowLeftSeconds, m.WindowUntil = int(left/time.Second), optional(until)
	return m, err
}
