package signin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

// TestTheDatabaseHoldsNoSecret: whatever was typed or shown, neither the tables
// nor the log nor the files next to them have it.
func TestTheDatabaseHoldsNoSecret(t *testing.T) {
	h := newHouse(t)
	a, code := h.invite(amy, access.SuperAdmin)
	begun, err := h.BeginSetUp(h.Context(), amy, code, desk())
	h.must(err)
	pendingKey := h.appKey(begun.Token.Text())
	p := h.setUp(a, code)
	half := p.begin()
	app := p.code()
	x, err := h.WithTOTP(h.Context(), half, app, desk())
	h.must(err)
	h.is(errOf(h.Begin(h.Context(), "typed in the wrong field", phrase, desk())), signin.ErrRefused)
	h.is(errOf(h.WithRecoveryCode(h.Context(), p.begin(), "WRNG-CODE-TYPD", desk())), signin.ErrRefused)

	secrets := map[string]string{"password": phrase, "set-up code": code, "set-up token": begun.Token.Text(), "half token": half, "session token": x.Token.Text(),
		"app's code": app, "app's key": string(p.key.Secret()), "app's key as text": strings.ReplaceAll(p.key.Text(), " ", ""),
		"key of a set-up that was not finished": string(pendingKey.Secret()), "login that was none": "typed in the wrong field", "wrong code": "WRNG"}
	for _, token := range []string{half, x.Token.Text()} {
		secrets["secret of "+token] = token[strings.LastIndex(token, "_")+1:]
	}
	for i, c := range p.codes {
		secrets[fmt.Sprint("recovery code ", i)] = c.Text()
		secrets[fmt.Sprint("recovery code, plain ", i)] = strings.ReplaceAll(c.Text(), "-", "")
	}
	h.must(h.db.Close())
	for _, name := range []string{h.path, h.path + "-wal"} {
		raw, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		h.must(err)
		for what, secret := range secrets {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds the %s", name, what)
			}
		}
		if name == h.path && !strings.Contains(string(raw), amy) {
			t.Error("this test does not look at the database")
		}
	}
}

func TestSecretsPrintAsPlaceholders(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	half, err := h.Begin(h.Context(), amy, phrase, desk())
	h.must(err)
	values := map[string]any{p.session.Token.Text(): p.session, half.Token.Text(): half, p.codes[0].Text(): p.codes}
	for secret, value := range values {
		out, err := json.Marshal(value)
		h.must(err)
		for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %x %q", value, value, value, value, value, value), string(out)} {
			if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows the secret", shown)
			}
		}
	}
	if s := p.session.Token.String(); s != "[secret]" {
		t.Error(s)
	}
}

// TestWhatIsPlantedOpensNothing: who can write to the database, but has no
// master key, gets no session, and cannot move a factor to another account.
func TestWhatIsPlantedOpensNothing(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	evil := h.join("eve@example.com", access.ReadOnlyAdmin)
	k := h.newKey()
	token := evil.session.Token.Text()
	h.must(h.AddPasskey(h.Context(), token, "x", k.register(token)))
	plant := func(statement string, args ...any) {
		t.Helper()
		h.must(h.exec(statement, args...))
	}
	plant(`UPDATE admin_sessions SET admin_id = $1 WHERE admin_id = $2`, p.admin.ID, evil.admin.ID)
	h.is(errOf(h.Find(h.Context(), token)), signin.ErrNoSession)
	plant(`UPDATE admins SET password = (SELECT password FROM admins WHERE id = $2) WHERE id = $1`, p.admin.ID, evil.admin.ID)
	half := p.begin()
	plant(`UPDATE admin_sessions SET stage = 'FULL'`)
	h.is(errOf(h.Find(h.Context(), half)), signin.ErrNoSession)
	plant(`UPDATE admin_sessions SET stage = 'HALF'`)
	plant(`UPDATE admin_recovery_codes SET admin_id = $1 WHERE admin_id = $2`, p.admin.ID, evil.admin.ID)
	h.is(errOf(h.WithRecoveryCode(h.Context(), half, evil.codes[0].Text(), desk())), signin.ErrRefused)
	plant(`UPDATE admins SET totp = (SELECT totp FROM admins WHERE id = $2) WHERE id = $1`, p.admin.ID, evil.admin.ID)
	if _, err := h.WithTOTP(h.Context(), half, evil.code(), desk()); err == nil {
		t.Error("the app of another")
	}
	plant(`UPDATE admin_passkeys SET admin_id = $1`, p.admin.ID)
	if _, err := h.PasskeyChallenge(h.Context(), half); err == nil {
		t.Error("the passkey of another")
	}
}
