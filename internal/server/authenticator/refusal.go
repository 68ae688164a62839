package authenticator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// maxBody bounds a request: an authenticator's answer in a little JSON.
const maxBody = credential.MaxAnswer + 4<<10

// refusal is an answer that is no success. The page has a screen for each code.
type refusal struct {
	status  int
	wait    time.Duration // for Retry-After; 0 is none
	Code    string        `json:"error"`
	Message string        `json:"message"`
	State   string        `json:"state,omitempty"`  // of a push that has ended
	Reason  string        `json:"reason,omitempty"` // why it was refused
}

// Error is the code: nothing that was sent.
func (r *refusal) Error() string { return r.Code }

func no(status int, code, message string) *refusal {
	return &refusal{status: status, Code: code, Message: message}
}

// visible is what a person is told of an error.
func visible(err error) *refusal {
	var r *refusal
	var invitation *factor.InvitationError
	var ended *factor.EndedError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &invitation):
		return notOpened(invitation)
	case errors.As(err, &ended):
		return &refusal{status: http.StatusConflict, Code: "ended", Message: "This request does not wait any more.", State: string(ended.State), Reason: ended.Reason}
	}
	for _, known := range refusals() {
		if errors.Is(err, known.err) {
			return known.no
		}
	}
	return no(http.StatusInternalServerError, "server", "Something went wrong on the server. Nothing was done.")
}

func notOpened(e *factor.InvitationError) *refusal {
	code := map[factor.InvitationState]string{factor.InvitationUsed: "invitation_used", factor.InvitationDone: "invitation_used", factor.InvitationRevoked: "invitation_revoked",
		factor.InvitationExpired: "invitation_expired"}[e.State]
	if code == "" {
		code = "invitation_unknown"
	}
	return no(http.StatusGone, code, e.Error())
}

// refusals are the errors that a person meets, with what is said of each.
func refusals() []struct {
	err error
	no  *refusal
} {
	return []struct {
		err error
		no  *refusal
	}{
		{errForm, no(http.StatusBadRequest, "form", "The request cannot be read.")},
		{factor.ErrNoVisit, no(http.StatusUnauthorized, "no_visit", "No invitation is open in this browser, or it was opened too long ago.")},
		{factor.ErrNoPhone, no(http.StatusUnauthorized, "removed", "This phone is not an authenticator any more.")},
		{factor.ErrLocked, no(http.StatusUnauthorized, "locked", "Unlock with this phone's passkey first.")},
		{factor.ErrWrongNumber, no(http.StatusForbidden, "wrong_number", "That is not the number on the Mac. The sign-in is refused.")},
		{factor.ErrNumber, no(http.StatusBadRequest, "number", "Type the two digits that the Mac shows.")},
		{factor.ErrName, no(http.StatusBadRequest, "name", "A name has 1 to 64 printable characters.")},
		{factor.ErrEnrolled, no(http.StatusConflict, "enrolled", "This authenticator is set up already.")},
		{factor.ErrTooMany, no(http.StatusConflict, "too_many_factors", "There are as many authenticators as there may be. Ask your help desk to remove one.")},
		{factor.ErrNotFound, no(http.StatusNotFound, "not_found", "There is no such request for this phone.")},
		{credential.ErrNoParty, no(http.StatusConflict, "no_party", "This server has no name that passkeys work with.")},
		{credential.ErrUnreadable, no(http.StatusBadRequest, "form", "The answer of the authenticator cannot be read.")},
		{credential.ErrForeign, no(http.StatusForbidden, "wrong_account", "That passkey is not this phone's.")},
		{credential.ErrCounterBack, no(http.StatusForbidden, "suspended", "Somebody may have a copy of this passkey: it is suspended.")},
		{credential.ErrNotVerified, no(http.StatusForbidden, "not_verified", "The authenticator has not verified you, by PIN, face or finger.")},
		{credential.ErrOrigin, no(http.StatusForbidden, "wrong_site", "The answer is of another site.")},
		{credential.ErrParty, no(http.StatusForbidden, "wrong_site", "The answer is of another site.")},
		{credential.ErrWrong, no(http.StatusForbidden, "not_right", "The answer of the authenticator is not right, or too late.")},
	}
}

// body reads what the page has sent into v, and nothing else.
func (c call) body(v any) error { return decode(c.Header.Get("Content-Type"), c.Body, v) }

// decode refuses what is no JSON: a form of another site cannot send any
// without being asked about.
func decode(kind string, body io.Reader, v any) error {
	if kind != "application/json" {
		return errForm
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errors.Join(errForm, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errForm
	}
	return nil
}

func write(w http.ResponseWriter, status int, v any) {
	if r, is := v.(*refusal); is && r.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.wait+time.Second-1)/time.Second)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// The cookies: of a phone, of its unlocked session, and of a browser that has
// opened an invitation. With the prefix no other host, and no page without TLS,
// can set one; no script reads them, and no other site sends them.
const (
	phoneCookie  = "__Host-latchkey-phone"
	unlockCookie = "__Host-latchkey-unlock"
	visitCookie  = "__Host-latchkey-visit"
)

// phoneLife is as long as browsers keep a cookie at most.
const phoneLife = 400 * 24 * time.Hour

func (c call) cookie(name string) string {
	found, err := c.Cookie(name)
	if err != nil || len(found.Value) > 64 {
		return ""
	}
	return found.Value
}

// keep has the browser keep a token; for no time it is dropped.
func (c call) keep(name, token string, life time.Duration) {
	age := int(life / time.Second)
	if token == "" || age <= 0 {
		age = -1
	}
	http.SetCookie(c.w, &http.Cookie{Name: name, Value: token, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}
