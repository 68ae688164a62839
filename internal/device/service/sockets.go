package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/device/catalogue"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// securityAgent is the uid and gid of _securityagent, which unprivileged
// mechanisms run as at the login window.
const securityAgent = 92

// Connections a peer may hold open on each socket. The prompt's is generous:
// several hosts of one uid can be ending while the next begins.
const (
	promptPerUID  = 16
	gatePerUID    = 32
	controlPerUID = 8
	sessionPerUID = 4
)

// listen opens the sockets in folder, each with its own peers: the prompt's is
// for _securityagent, gate and control are for root; the daemon's own uid is
// taken everywhere, which is root's on a Mac (design §7: no off switch). The
// session's is for everyone: whoever calls speaks for their own uid alone.
func (d *Daemon) listen(folder string) ([]*xipc.Listener, error) {
	own := uint32(os.Geteuid())
	privileged := func(p xipc.Peer) bool { return p.UID == 0 || p.UID == own }
	prompt := func(p xipc.Peer) bool { return p.UID == securityAgent || p.UID == own }
	group := -1
	if own == 0 {
		group = securityAgent
	}
	services := []xipc.Service{
		{Role: wire.RolePrompt, Path: filepath.Join(folder, "prompt.sock"), Mode: 0o660, GID: group, Allow: prompt, MaxPerUID: promptPerUID, Handler: promptHandler{d.sessions, d.texts}},
		{Role: wire.RoleGate, Path: filepath.Join(folder, "gate.sock"), Mode: 0o600, GID: -1, Allow: privileged, MaxPerUID: gatePerUID, Handler: gateHandler{d.sessions}},
		{Role: wire.RoleControl, Path: filepath.Join(folder, "control.sock"), Mode: 0o600, GID: -1, Allow: privileged, MaxPerUID: controlPerUID, Handler: controlHandler{d}},
		{Role: wire.RoleSession, Path: filepath.Join(folder, "session.sock"), Mode: 0o666, GID: -1, Allow: anyone, MaxPerUID: sessionPerUID, Handler: sessionHandler{d}},
	}
	var out []*xipc.Listener
	for _, s := range services {
		s.Log, s.Held = d.socketLog(s.Role), d.options.Held[s.Role]
		l, err := xipc.Listen(s)
		if err != nil {
			return out, fmt.Errorf("open the %s socket: %w", s.Role, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func anyone(xipc.Peer) bool { return true }

func (d *Daemon) socketLog(role string) func(string, error) {
	return func(msg string, err error) {
		d.log.Warn(msg, zap.String("socket", role), zap.Error(err))
	}
}

func unknownRequest(name string) error {
	return xipc.Failure{Code: "unknown_request", Message: fmt.Sprintf("this socket has no request %.32q", name)}
}

// promptHandler: one connection is one conversation.
type promptHandler struct {
	sessions *session.Manager
	texts    *catalogue.Catalogue
}

func (h promptHandler) Open(ctx context.Context, _ xipc.Peer, hello xipc.Hello, send func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return &promptEndpoint{sessions: h.sessions, ctx: ctx, panel: panel{h.texts.For(hello.Locales), send}}, nil
}

// panel is the other end of a conversation, in its language.
type panel struct {
	language *catalogue.Language
	send     func(string, wire.Dictionary) error
}

// Show implements session.Panel.
func (p panel) Show(s wire.Screen) error {
	return p.send(wire.MsgScreen, p.language.Screen(s).Dictionary())
}

// Done implements session.Panel.
func (p panel) Done(end wire.Done) error { return p.send(wire.MsgDone, end.Dictionary()) }

// promptEndpoint is used by one connection, which handles its requests in turn.
type promptEndpoint struct {
	sessions *session.Manager
	ctx      context.Context
	panel
	talk
}

func (e *promptEndpoint) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	switch name {
	case wire.MsgBegin:
		return e.begin(body)
	case wire.MsgAct:
		return e.act(ctx, body)
	}
	// Refused by default: nothing else can be asked here, and nothing at all
	// that says 'allow'.
	return nil, unknownRequest(name)
}

func (e *promptEndpoint) begin(body wire.Dictionary) (wire.Dictionary, error) {
	uid, ok := body["uid"].(uint64)
	if !ok || uid > 1<<32-1 {
		return nil, xipc.Failure{Code: "bad_request", Message: "begin needs a uid"}
	}
	return e.talk.begin(func() (*session.Conversation, error) { return e.sessions.Begin(e.ctx, uint32(uid), e) })
}

// talk is the conversation of a connection, once it has begun.
type talk struct{ conversation *session.Conversation }

func (t *talk) begin(begin func() (*session.Conversation, error)) (wire.Dictionary, error) {
	if t.conversation != nil {
		return nil, xipc.Failure{Code: "begun", Message: "one connection is one conversation"}
	}
	conversation, err := begin()
	if err != nil {
		return nil, xipc.Failure{Code: "unknown_account", Message: "this Mac has no such account"}
	}
	t.conversation = conversation
	return wire.Dictionary{}, nil
}

func (t *talk) act(ctx context.Context, body wire.Dictionary) (wire.Dictionary, error) {
	act, err := wire.ActFrom(body)
	if err != nil {
		return nil, xipc.Failure{Code: "bad_request", Message: err.Error()}
	}
	if t.conversation == nil {
		return nil, xipc.Failure{Code: "no_conversation", Message: "begin comes before act"}
	}
	return wire.Dictionary{"ok": t.conversation.Act(ctx, act)}, nil
}

// Closed ends the conversation: a panel that has gone can show nothing.
func (t *talk) Closed() {
	if t.conversation != nil {
		t.conversation.End()
	}
}

type gateHandler struct{ sessions *session.Manager }

func (h gateHandler) Open(context.Context, xipc.Peer, xipc.Hello, func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return gateEndpoint(h), nil
}

type gateEndpoint struct{ sessions *session.Manager }

func (e gateEndpoint) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	if name != wire.MsgDecide {
		return nil, unknownRequest(name)
	}
	q, err := wire.DecideFrom(body)
	if err != nil {
		return nil, xipc.Failure{Code: "bad_request", Message: err.Error()}
	}
	return e.sessions.Decide(ctx, q.UID, q.Ticket).Dictionary(), nil
}

func (gateEndpoint) Closed() {}
