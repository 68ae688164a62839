package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Times of a sign-in at the provider.
const (
	FlowLife  = 10 * time.Minute // from its beginning here to the answer
	maxSignIn = 12 * time.Hour   // how long ago somebody may have signed in at the provider
)

// maxSealed is the most bytes of a flow as a browser keeps it: browsers take
// 4096 for a cookie with its name and attributes.
const maxSealed = 3900

// ErrTooLong is more to be kept than a browser takes.
var ErrTooLong = errors.New("what was typed is too long to be kept while you authenticate at the provider: shorten it")

// Flow is a sign-in that was begun and has no answer yet. The browser keeps it,
// sealed; it is good for one answer.
type Flow struct {
	ID      string            `json:"id"`
	Session string            `json:"session,omitempty"` // that is to be made fresh; empty: a new one
	Next    string            `json:"next"`              // page of ours to go on with
	Typed   map[string]string `json:"typed,omitempty"`   // of a form that is to be shown again

	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Began    time.Time `json:"began"`
}

// String hides the flow from logs.
func (Flow) String() string { return "[sign-in]" }

// GoString hides the flow from %#v.
func (Flow) GoString() string { return "[sign-in]" }

// Begun is what a browser needs to go to the provider.
type Begun struct {
	ID     string // of the flow: part of the cookie's name, as several may run at once
	Sealed string // the cookie
	URL    string // at the provider
}

// Begin begins a sign-in, or, with f.Session, another proof for a session. The
// error is a *Refusal, ErrTooLong, or the context's.
func (p *Provider) Begin(ctx context.Context, f Flow) (Begun, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Begun{}, err
	}
	f.ID, f.State, f.Nonce, f.Verifier, f.Began = store.NewID("sso"), rand.Text(), rand.Text(), oauth2.GenerateVerifier(), p.Now()
	sealed, err := p.seal(f)
	if err != nil {
		return Begun{}, err
	}
	// With max_age the provider has to say when somebody signed in.
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier), oidc.Nonce(f.Nonce), oauth2.SetAuthURLParam("max_age", fmt.Sprint(int(f.maxAge()/time.Second)))}
	if f.Session != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	var classes []string
	for _, v := range p.SecondFactor {
		if strings.Contains(v, ":") {
			classes = append(classes, v)
		}
	}
	if len(classes) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(classes, " ")))
	}
	return Begun{ID: f.ID, Sealed: sealed, URL: p.oauth(d).AuthCodeURL(f.ID+"."+f.State, options...)}, nil
}

// maxAge is how long ago somebody may have signed in at the provider.
func (f Flow) maxAge() time.Duration {
	if f.Session != "" {
		return 0
	}
	return maxSignIn
}

func (p *Provider) seal(f Flow) (string, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("encode a sign-in: %w", err)
	}
	sealed, err := p.Vault.Seal(vault.ForSingleSignOn, raw, "flow", f.ID)
	if err != nil {
		return "", fmt.Errorf("seal a sign-in: %w", err)
	}
	if len(sealed) > maxSealed {
		return "", ErrTooLong
	}
	return sealed, nil
}

const beginAgain = "Begin again on the sign-in page. If it stays, look whether the browser keeps cookies."

// open is the flow that an answer belongs to. The error is a *Refusal.
func (p *Provider) open(a answer, sealed string) (Flow, error) {
	if sealed == "" || len(sealed) > maxSealed {
		return Flow{}, Refuse(NoFlow, "This sign-in was not begun in this browser, or is over already. "+beginAgain)
	}
	raw, err := p.Vault.Open(vault.ForSingleSignOn, sealed, "flow", a.flow)
	var f Flow
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(f.State), []byte(a.state)) != 1 {
		return Flow{}, Refuse(NoFlow, "This is the answer to a sign-in that was not begun in this browser. "+beginAgain)
	}
	if age := p.Now().Sub(f.Began); age < 0 || age >= FlowLife {
		return f, Refuse(NoFlow, "This sign-in was begun more than ten minutes ago. "+beginAgain)
	}
	return f, nil
}

// spend makes an id one that was used, for as long as it could be used again.
// Not the first time it is false.
func (p *Provider) spend(ctx context.Context, id string, life time.Duration) (first bool, err error) {
	err = p.DB.Update(ctx, func(tx *sql.Tx) error {
		now := p.Now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM sso_spent WHERE spent_until <= $1`, store.Micros(now)); err != nil {
			return fmt.Errorf("forget old sign-ins: %w", err)
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO sso_spent (id, spent_until) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, store.Micros(now.Add(life)))
		if err != nil {
			return fmt.Errorf("note a sign-in: %w", err)
		}
		n, err := done.RowsAffected()
		first = n == 1
		return err
	})
	return first, err
}
