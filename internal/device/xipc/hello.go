package xipc

import (
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxLocales and maxLocale bound what hello may list.
const (
	maxLocales = 32
	maxLocale  = 64 // bytes
)

// Hello is what a client says of itself in its first message. Nothing in it is
// proven: who the peer is stands in Peer.
type Hello struct {
	V       uint64   // the newest version that the client speaks
	Role    string   // wire.RolePrompt, wire.RoleGate or wire.RoleControl
	Locales []string // preferred first, at most 32
}

func (h Hello) dictionary() wire.Dictionary {
	locales := make([]any, 0, len(h.Locales))
	for _, l := range h.Locales {
		locales = append(locales, l)
	}
	return wire.Dictionary{"v": h.V, "role": h.Role, "locales": locales}
}

func helloFrom(f frame, role string) (Hello, error) {
	if f.kind != kindRequest || f.name != wire.MsgHello {
		// Refused by default: a peer that has not said hello has agreed on
		// no version, so nothing it says can be understood for sure.
		return Hello{}, broken("the first message is %q, want a request %q", f.name, wire.MsgHello)
	}
	v, ok := f.body["v"].(uint64)
	if !ok || v == 0 {
		return Hello{}, broken("hello names no version")
	}
	if f.body["role"] != role {
		return Hello{}, broken("this socket takes the role %q only", role)
	}
	locales, err := localesFrom(f.body)
	return Hello{V: v, Role: role, Locales: locales}, err
}

func localesFrom(body wire.Dictionary) ([]string, error) {
	list, ok := body["locales"].([]any)
	if !ok || len(list) > maxLocales {
		return nil, broken("hello wants a list of at most %d locales", maxLocales)
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		l, ok := item.(string)
		if !ok || len(l) > maxLocale {
			return nil, broken("a locale is no text of at most %d bytes", maxLocale)
		}
		out = append(out, l)
	}
	return out, nil
}

// agree is the version that both ends speak: the older of the two.
func agree(theirs uint64) uint64 { return min(theirs, wire.Version) }

// agreed checks the server's choice.
func agreed(body wire.Dictionary) error {
	v, ok := body["v"].(uint64)
	if !ok || v == 0 || v > wire.Version {
		return broken("the other end chose version %v, at most %d is spoken here", body["v"], wire.Version)
	}
	return nil
}
