package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// about is the Mac and the account that a page is about.
type about struct {
	Device  desk.Mac
	Account desk.Account
}

func (c *Console) about(r *request) (about, error) {
	m, err := c.Desk.Device(r.ctx, r.PathValue("deviceId"))
	if err != nil {
		return about{}, err
	}
	a, err := c.Desk.Account(r.ctx, m.ID, r.PathValue("accountId"))
	a.FullName = cmp.Or(a.FullName, a.Name)
	return about{m, a}, err
}

func (a about) path(rest string) string {
	return "/devices/" + url.PathEscape(a.Device.ID) + "/accounts/" + url.PathEscape(a.Account.ID) + rest
}

// refusal is why there is no PIN, and what to do about it.
type refusal struct{ What, Do string }

// told is a refusal in words for the page. The ones that end by themselves or
// by another form are left on the form.
func (a about) told(r *recovery.Refusal) *refusal {
	seen := "It has never checked in."
	if !a.Device.SeenAt.IsZero() {
		seen = "It was last seen on " + a.Device.SeenAt.UTC().Format("2 Jan 2006 at 15:04 UTC") + "."
	}
	do := map[recovery.Code]string{
		recovery.NotPermitted:      "Ask a help desk admin, an org admin or a super admin.",
		recovery.OutOfScope:        "Ask a colleague who is there for this user, or for the whole org.",
		recovery.OwnAccount:        "Ask a colleague.",
		recovery.RecoveryOff:       "A super admin can turn it on under Settings.",
		recovery.DeviceInactive:    "Find out why before anyone changes it, on the page of the Mac.",
		recovery.DeviceUnconfirmed: "An org admin has to look at the certificate that waits, on the page of the Mac, and confirm or reject it.",
		recovery.UserInactive:      "Find out why before anyone changes it, under People.",
		recovery.NoSecret:          "Bring the Mac online at its login window: it registers the account by itself. " + seen,
		recovery.SecretTooOld:      "Bring the Mac online once. " + seen,
		recovery.TooManyAccounts:   "Wait, or ask a colleague.",
		recovery.TooManyPINs:       "Wait a minute, or ask for the device code on the Mac's screen.",
		recovery.BadDeviceCode:     "Have the eight digits read again, slowly.",
		recovery.NoReason:          "Type why it is needed.",
	}[r.Code]
	return &refusal{What: r.Message, Do: do}
}

// onForm reports whether the form stays: what was refused can be put right in it.
func onForm(r *recovery.Refusal) bool {
	return r.Code == recovery.BadDeviceCode || r.Code == recovery.NoReason || r.Code == recovery.TooManyPINs
}

// form is the dialog before a PIN.
type form struct {
	about
	Reason, Ticket, DeviceCode string
	Checklist                  []string
	Refusal                    *refusal
	CanAsk                     bool
	Warnings                   []string
	Reauthenticate             bool
	Provider                   string // where one authenticates again; empty: here
	TOTP, Passkey              bool
	FreshFor                   string
}

func (c *Console) form(r *request, a about) (form, error) {
	rules, err := c.Desk.OrgRules(r.ctx)
	f := form{about: a, Reason: r.FormValue("reason"), Ticket: r.FormValue("ticket"), DeviceCode: r.FormValue("deviceCode"), CanAsk: true, Checklist: rules.Checklist,
		Reauthenticate: !c.SignIn.Fresh(r.session, FreshFor), FreshFor: "15 minutes", TOTP: r.session.Admin.HasTOTP,
		Passkey: len(r.session.Admin.Passkeys) > 0}
	if r.session.Admin.Federated() {
		f.Provider = c.providerName()
	}
	if a.Account.Recovery.Registered && !a.Account.Recovery.Proven {
		f.Warnings = append(f.Warnings, "This Mac replaced its recovery secret without proving that it held the one before: its store was lost, or it is not the Mac that you think it is. Check before you go on.")
	}
	return f, err
}

func (f form) view(status int) view {
	v := view{status: status, name: "pin", title: "Recovery PIN for " + f.Account.FullName, section: "devices", data: f, narrow: true}
	if f.Reauthenticate && f.Passkey {
		v.scripts = []string{"passkey.js"}
	}
	return v
}

// askPIN is the dialog, or the reason why there can be no PIN.
func (c *Console) askPIN(r *request) (view, error) {
	a, err := c.about(r)
	if err != nil {
		return view{}, err
	}
	f, err := c.form(r, a)
	if err != nil {
		return view{}, err
	}
	var no *recovery.Refusal
	if err := c.Desk.Book.Ready(r.ctx, a.Device.ID, a.Account.ID); errors.As(err, &no) {
		f.Refusal, f.CanAsk = a.told(no), onForm(no)
	} else if err != nil {
		return view{}, err
	}
	return f.view(0), nil
}

// issuePIN generates a PIN and shows it. It stands in the answer to this form
// alone: no address leads to it.
func (c *Console) issuePIN(r *request) (view, error) {
	a, err := c.about(r)
	if errors.Is(err, directory.ErrNotFound) {
		// It is refused there too, and told to the log where it is the scope that hides the Mac.
		_, err = c.Desk.Issue(r.ctx, recovery.Request{DeviceID: r.PathValue("deviceId"), AccountID: r.PathValue("accountId"), Reason: r.FormValue("reason"), Ticket: r.FormValue("ticket")})
	}
	if err != nil {
		return view{}, err
	}
	f, err := c.form(r, a)
	if err != nil {
		return view{}, err
	}
	if f.Reauthenticate && f.Provider != "" {
		v := f.view(http.StatusForbidden)
		v.wrong = "Authenticate at " + f.Provider + " first: your sign-in is older than " + f.FreshFor + "."
		return v, nil
	}
	if f.Reauthenticate {
		if wrong, err := c.reauthenticate(r); err != nil {
			return view{}, err
		} else if wrong != "" {
			v := f.view(403)
			v.wrong = wrong
			return v, nil
		}
	}
	issued, err := c.Desk.Issue(r.ctx, recovery.Request{DeviceID: a.Device.ID, AccountID: a.Account.ID, Reason: f.Reason, Ticket: f.Ticket, DeviceCode: f.DeviceCode})
	var no *recovery.Refusal
	if errors.As(err, &no) {
		f.Refusal, f.CanAsk, f.Reauthenticate = a.told(no), onForm(no), false
		return f.view(409), nil
	}
	if err != nil {
		return view{}, err
	}
	return c.shown(r, a, f, issued), nil
}

// reauthenticate takes the proof that came with the form. wrong is for the
// person; what was typed besides is kept.
func (c *Console) reauthenticate(r *request) (wrong string, err error) {
	token := r.token(sessionCookie)
	var renewed signin.Session
	if answer := r.PostFormValue("passkey"); answer != "" {
		renewed, err = c.SignIn.ReauthenticatePasskey(r.ctx, token, []byte(answer), r.client)
	} else {
		renewed, err = c.SignIn.ReauthenticateTOTP(r.ctx, token, r.PostFormValue("code"), r.client)
	}
	if err == nil {
		r.is(renewed)
	}
	return c.wrong(err)
}

// wrong keeps apart what a person can put right from what they cannot.
func (c *Console) wrong(err error) (string, error) {
	var throttled *signin.ThrottledError
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, signin.ErrRefused):
		return upper(signin.ErrRefused.Error()) + ".", nil
	case errors.Is(err, signin.ErrNotACode):
		return upper(signin.ErrNotACode.Error()) + ".", nil
	case errors.As(err, &throttled):
		return upper(throttled.Error()) + ".", nil
	}
	return "", err
}

// shown is the page with the PIN. It is left by itself when the time is over.
func (c *Console) shown(r *request, a about, f form, issued recovery.Issued) view {
	seconds := max(1, int(issued.ShownUntil.Sub(c.Now()).Seconds()))
	say := "It has nine digits. I read it in threes; type it as you hear it. Spaces do not matter."
	if issued.Method == recoverypin.ByDeviceCode.String() {
		say = "Leave the screen with the device code as it is. " + say
	}
	return view{name: "pin-shown", title: "Recovery PIN for " + a.Account.FullName, section: "devices", scripts: []string{"pin.js"},
		leaves: &leave{seconds, a.path("/pins/" + url.PathEscape(issued.ID))},
		data: map[string]any{"Device": a.Device, "Account": a.Account, "ID": issued.ID, "Seconds": seconds, "Groups": groups(issued.PIN), "Spoken": spoken(issued.PIN),
			"Warnings": issued.Warnings, "Say": say, "Works": works(issued, a, c.Now()), "State": pinWords{}, "CanReset": r.may(access.FactorsReset),
			"Reason": f.Reason, "Ticket": f.Ticket}}
}

// groups are the digits in threes.
func groups(pin string) (out []string) {
	for i := 0; i < len(pin); i += 3 {
		out = append(out, pin[i:min(i+3, len(pin))])
	}
	return out
}

// spoken is how each group is said.
func spoken(pin string) (out []string) {
	words := [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	for _, g := range groups(pin) {
		var said []string
		for _, digit := range g {
			if digit >= '0' && digit <= '9' {
				said = append(said, words[digit-'0'])
			}
		}
		out = append(out, strings.Join(said, " "))
	}
	return out
}

// works says for how long the PIN works once it was typed, to be read aloud.
func works(issued recovery.Issued, a about, now time.Time) string {
	long := time.Duration(issued.DurationMinutes) * time.Minute
	return fmt.Sprintf("Once it is typed it works again on this Mac for %s: until about %s, if it is typed now. Set up a new factor before that.", inWords(long), clock(now.Add(long), a.Device.Zone))
}

// inWords is a length of time as one says it.
func inWords(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	minutes := int(d.Minutes())
	var parts []string
	for _, u := range []struct {
		minutes int
		name    string
	}{{24 * 60, "day"}, {60, "hour"}, {1, "minute"}} {
		if n := minutes / u.minutes; n > 0 {
			parts = append(parts, count(n, u.name))
			minutes %= u.minutes
		}
	}
	if len(parts) == 0 {
		return "less than a minute"
	}
	return strings.Join(parts, " and ")
}

// pinWords is what became of a PIN.
type pinWords struct {
	Used, Voided bool
	At, Then     string
}

func wordsOf(p recovery.PIN, zone string) pinWords {
	switch {
	case !p.UsedAt.IsZero():
		return pinWords{Used: true, At: clock(p.UsedAt, zone), Then: "The caller is in. Have them set up a new factor now."}
	case !p.VoidedAt.IsZero():
		return pinWords{Voided: true, At: clock(p.VoidedAt, zone)}
	}
	return pinWords{}
}

func (c *Console) pin(r *request) (about, recovery.PIN, error) {
	a, err := c.about(r)
	if err != nil {
		return a, recovery.PIN{}, err
	}
	pins, err := c.Desk.PINs(r.ctx, a.Device.ID, a.Account.ID)
	for _, p := range pins {
		if p.ID == r.PathValue("pinId") {
			return a, p, err
		}
	}
	return a, recovery.PIN{}, errors.Join(err, errNoPage())
}

// pinState is what became of a PIN, without its digits.
func (c *Console) pinState(r *request) (view, error) {
	a, p, err := c.pin(r)
	if err != nil {
		return view{}, err
	}
	return view{name: "pin-state", title: "Recovery PIN of " + a.Account.FullName, section: "devices", narrow: true,
		data: map[string]any{"Device": a.Device, "Account": a.Account, "State": wordsOf(p, a.Device.Zone)}}, nil
}

// pinRow is a PIN in the list of an account.
type pinRow struct {
	recovery.PIN
	Became  string
	CanVoid bool
}

// account is an account's PINs so far.
func (c *Console) account(r *request) (view, error) {
	a, err := c.about(r)
	if err != nil {
		return view{}, err
	}
	pins, err := c.Desk.PINs(r.ctx, a.Device.ID, a.Account.ID)
	if err != nil {
		return view{}, err
	}
	rows := make([]pinRow, 0, len(pins))
	for _, p := range pins {
		rows = append(rows, pinRow{PIN: p, Became: became(p, a.Device.Zone, c.Now()), CanVoid: p.VoidedAt.IsZero() && r.may(access.PINGenerate)})
		rows[len(rows)-1].Method = map[string]string{recoverypin.ByTime.String(): "two minutes", recoverypin.ByDeviceCode.String(): "a device code"}[p.Method]
	}
	return view{name: "account", title: "Recovery PINs of " + a.Account.FullName, section: "devices",
		data: map[string]any{"Device": a.Device, "Account": a.Account, "PINs": rows}}, nil
}

func became(p recovery.PIN, zone string, now time.Time) string {
	var parts []string
	if !p.UsedAt.IsZero() {
		parts = append(parts, "used "+day(p.UsedAt)+", "+clock(p.UsedAt, zone))
	}
	if !p.VoidedAt.IsZero() {
		parts = append(parts, "voided by "+p.VoidedBy)
	}
	if len(parts) == 0 && now.Before(p.ShownUntil) {
		return "can still be typed"
	}
	if len(parts) == 0 {
		return "not reported as used"
	}
	return strings.Join(parts, "; ")
}

func (c *Console) voidPIN(r *request) (view, error) {
	a, p, err := c.pin(r)
	if err != nil {
		return view{}, err
	}
	if err := c.Desk.VoidPIN(r.ctx, a.Device.ID, a.Account.ID, p.ID); err != nil {
		return view{}, err
	}
	return redirect(a.path("?told=voided")), nil
}

// askReset asks once more before the authenticators of an account are reset.
func (c *Console) askReset(r *request) (view, error) {
	a, err := c.about(r)
	if err != nil {
		return view{}, err
	}
	return view{name: "reset", title: "Reset authenticators", section: "devices", narrow: true, data: a}, nil
}

func (c *Console) reset(r *request) (view, error) {
	a, err := c.about(r)
	if err != nil {
		return view{}, err
	}
	if err := c.Desk.ResetAccountFactors(r.ctx, a.Device.ID, a.Account.ID); err != nil {
		return view{}, err
	}
	return redirect("/devices/" + url.PathEscape(a.Device.ID) + "?told=reset"), nil
}
