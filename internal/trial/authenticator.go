package trial

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/phonetest"
)

// invited is a browser that has opened an invitation of that kind.
func (w *World) invited(login, kind string) (*phonetest.Phone, error) {
	var made struct{ Link string }
	if err := w.onServerJSON(&made, "factor", "invite", login, "--kind", kind); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(w.ServerCA())
	if err != nil {
		return nil, fmt.Errorf("read the server's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(raw)
	p, err := phonetest.New(w.OrgURL(), &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}})
	if err != nil {
		return nil, err
	}
	_, err = p.Open(w.ctx, made.Link)
	return p, err
}

// AddPage sets a phone up with the org's own page, by an invitation.
func (w *World) AddPage(login string) (*phonetest.Phone, error) {
	p, err := w.invited(login, "push")
	if err != nil {
		return nil, err
	}
	_, err = p.Enrol(w.ctx, "Phone")
	w.Say("  phone   opens the invitation, and makes its passkey")
	return p, err
}

// OnPage is the question that waits on a phone's page, once it is unlocked.
func (w *World) OnPage(p *phonetest.Phone) (found phonetest.Push, err error) {
	err = w.Until("a question is on the phone's page", func() (bool, error) {
		s, err := p.State(w.ctx)
		return s.Waiting, err
	})
	if err != nil {
		return found, err
	}
	s, err := p.Unlock(w.ctx)
	if err != nil || len(s.Pushes) != 1 {
		return found, errors.Join(err, fmt.Errorf("%d questions are on the phone's page, want one", len(s.Pushes)))
	}
	w.Say("  phone   is unlocked: %s at %s?", s.Pushes[0].Login, s.Pushes[0].Mac)
	return s.Pushes[0], nil
}

// MatchesOn approves on a phone's page with the number that the Mac shows.
func (p *Person) MatchesOn(phone *phonetest.Phone, login string) error {
	number, err := p.Number(login)
	if err != nil {
		return err
	}
	asked, err := p.OnPage(phone)
	if err != nil {
		return err
	}
	p.Say("  phone   types %s, and approves", number)
	_, err = phone.Approve(p.ctx, asked.ID, number)
	return err
}

// AddKey registers the security key that is plugged in at the org, as a browser
// does it on the page of an invitation. pin is the key's, "" for none.
func (w *World) AddKey(login, pin string) error {
	p, err := w.invited(login, "webauthn")
	if err != nil {
		return err
	}
	var options struct {
		PublicKey creation `json:"publicKey"`
		creation
	}
	if err := p.Do(w.ctx, "enrol/challenge", map[string]string{}, &options); err != nil {
		return err
	}
	if options.PublicKey.Challenge == "" {
		options.PublicKey = options.creation
	}
	credential, err := w.makeCredential(options.PublicKey, pin)
	if err != nil {
		return err
	}
	w.Say("  browser opens the invitation, and registers the security key")
	return p.Do(w.ctx, "enrol", map[string]any{"name": "Security key", "credential": credential}, nil)
}

// creation is what a page asks an authenticator for.
type creation struct {
	Challenge string `json:"challenge"`
	RP        struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
}

// makeCredential has the key that is plugged in make one, and is the browser
// between the page and it.
func (w *World) makeCredential(o creation, pin string) (any, error) {
	challenge, err := base64.RawURLEncoding.DecodeString(o.Challenge)
	if err != nil {
		return nil, fmt.Errorf("read the page's challenge: %w", err)
	}
	user, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return nil, fmt.Errorf("read the page's user: %w", err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	key, err := w.openKey(ctx)
	if err != nil {
		return nil, err
	}
	defer key.Close() //nolint:errcheck // it is a trial's
	data := ctap.ClientData(ctap.KindCreate, challenge, w.OrgURL())
	wanted := ctap.NewCredential{ClientDataHash: sha256.Sum256(data), RPID: o.RP.ID, RPName: o.RP.Name, UserID: user, UserName: o.User.Name, Algorithms: []int{ctap.ES256}}
	if pin != "" {
		token, err := key.UnlockPIN(ctx, pin, ctap.PermitMakeCredential, o.RP.ID)
		if err != nil {
			return nil, err
		}
		wanted.Token = &token
	}
	made, err := key.MakeCredential(ctx, wanted, nil)
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]any{"id": text(made.ID), "rawId": text(made.ID), "type": "public-key", "clientExtensionResults": struct{}{},
		"response": map[string]any{"clientDataJSON": text(data), "attestationObject": text(attestation(made.AuthData)), "transports": []string{"usb"}}}, nil
}

func (w *World) openKey(ctx context.Context) (*ctap.Key, error) {
	ports := hid.Folder(w.Keys())
	list, err := ports.Ports(ctx)
	if err != nil || len(list) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%d security keys are plugged in, want one", len(list)))
	}
	channel, err := ports.Open(ctx, list[0])
	if err != nil {
		return nil, err
	}
	return ctap.Open(ctx, channel)
}

// attestation is an attestation object of the format "none" (WebAuthn §8.7), as
// browsers make them.
func attestation(authData []byte) []byte {
	out := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59")
	return append(binary.BigEndian.AppendUint16(out, uint16(len(authData))), authData...)
}
