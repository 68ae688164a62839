package signin_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (h *house) create(n signin.NewAdmin) error {
	return h.tx(func(tx *sql.Tx) error { _, _, err := h.Create(h.Context(), tx, n, cli()); return err })
}

func (h *house) suspend(id string) error {
	return h.tx(func(tx *sql.Tx) error { return h.Suspend(h.Context(), tx, id, cli()) })
}

func (h *house) unsuspend(id string) error {
	return h.tx(func(tx *sql.Tx) error { return h.Unsuspend(h.Context(), tx, id, cli()) })
}

func (h *house) setRole(id string, role access.Role) error {
	return h.tx(func(tx *sql.Tx) error { return h.SetRole(h.Context(), tx, id, role, cli()) })
}

func (h *house) reset(id string) (code signin.Secret, err error) {
	err = h.tx(func(tx *sql.Tx) error { code, err = h.NewSetUpCode(h.Context(), tx, id, cli()); return err })
	return code, err
}

func (h *house) byID(id string) (a signin.Admin) {
	h.Helper()
	h.must(h.tx(func(tx *sql.Tx) (err error) { a, err = h.AdminByID(h.Context(), tx, id); return err }))
	return a
}

func TestCreate(t *testing.T) {
	h := newHouse(t)
	a, _ := h.invite(amy, access.SuperAdmin)
	h.must(h.suspend(a.ID)) // the only one, but not one who could do anything
	h.must(h.unsuspend(a.ID))
	if a.Status != signin.Invited || !a.SetUpUntil.Equal(h.now.Add(24*time.Hour)) || h.byID(a.ID).Login != amy {
		t.Errorf("%+v", a)
	}
	for name, c := range map[string]struct {
		n    signin.NewAdmin
		want error
	}{
		"the same login":      {signin.NewAdmin{Login: amy, Name: "x", Role: access.OrgAdmin}, signin.ErrExists},
		"in another case":     {signin.NewAdmin{Login: " aMY@example.COM", Name: "x", Role: access.OrgAdmin}, signin.ErrExists},
		"no login":            {signin.NewAdmin{Name: "x", Role: access.OrgAdmin}, signin.ErrValue},
		"a space in it":       {signin.NewAdmin{Login: "a b", Name: "x", Role: access.OrgAdmin}, signin.ErrValue},
		"a line break":        {signin.NewAdmin{Login: "bob", Name: "x\ny", Role: access.OrgAdmin}, signin.ErrValue},
		"no text":             {signin.NewAdmin{Login: "bob\xff", Name: "x", Role: access.OrgAdmin}, signin.ErrValue},
		"long":                {signin.NewAdmin{Login: strings.Repeat("b", 129), Name: "x", Role: access.OrgAdmin}, signin.ErrValue},
		"no name":             {signin.NewAdmin{Login: "bob", Name: " ", Role: access.OrgAdmin}, signin.ErrValue},
		"no role":             {signin.NewAdmin{Login: "bob", Name: "x"}, signin.ErrValue},
		"a role that is none": {signin.NewAdmin{Login: "bob", Name: "x", Role: "king"}, signin.ErrValue},
	} {
		t.Run(name, func(t *testing.T) { h.is(h.create(c.n), c.want) })
	}
	if n := len(h.events(systemlog.UserCreate)); n != 1 {
		t.Errorf("%d events", n)
	}
	if e := h.last(systemlog.PrivilegeGrant); e.Detail["role"] != "super-admin" || e.Targets[0].Type != "Admin" {
		t.Errorf("%+v", e)
	}
}

func TestSetUpCode(t *testing.T) {
	h := newHouse(t)
	a, code := h.invite(amy, access.SuperAdmin)
	_, other := h.invite("bob@example.com", access.SuperAdmin)
	for name, wrong := range map[string]string{"empty": "", "another's": other, "cut": code[1:], "long": strings.Repeat(code, 10), "a digit off": code[1:] + "A"} {
		if _, err := h.BeginSetUp(h.Context(), amy, wrong, desk()); err != signin.ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
		h.pardon()
	}
	if _, err := h.BeginSetUp(h.Context(), "nobody", code, desk()); err != signin.ErrRefused {
		t.Error(err)
	}
	if e := h.last(systemlog.SessionStart); e.Outcome.Result != systemlog.Failure || e.Detail["factor"] != "set_up_code" {
		t.Errorf("%+v", e)
	}
	first, err := h.BeginSetUp(h.Context(), amy, " "+strings.ToLower(code)+"\n", desk())
	h.must(err)
	if !first.SetUp || first.PasswordSet || !first.EndsAt.Equal(h.now.Add(signin.SetUpLife)) {
		t.Fatalf("%+v", first)
	}
	token := first.Token.Text()
	_, _, err = h.ConfirmTOTP(h.Context(), token, "123456")
	h.is(err, signin.ErrState) // no password yet
	h.must(h.SetPassword(h.Context(), token, "what a stranger set 1"))
	strangers := h.appKey(token)
	if again := h.appKey(token); again.Text() != strangers.Text() {
		t.Error("the key changes with each look at it")
	}
	h.is(errOf(h.Begin(h.Context(), amy, "what a stranger set 1", desk())), signin.ErrRefused) // no second factor
	h.is(errOf(h.Find(h.Context(), token)), signin.ErrNoSession)
	h.is(errOf(h.PasskeyChallenge(h.Context(), token)), signin.ErrNoSession)
	_, _, err = h.ConfirmTOTP(h.Context(), token, "000000")
	h.is(err, signin.ErrRefused)
	_, _, err = h.ConfirmTOTP(h.Context(), token, "nonsense")
	h.is(err, signin.ErrNotACode)

	// Beginning again begins anew.
	second, err := h.BeginSetUp(h.Context(), amy, code, desk())
	h.must(err)
	if now, err := h.FindPending(h.Context(), second.Token.Text()); err != nil || now.PasswordSet || second.PasswordSet {
		t.Errorf("the password of whoever began before is in force: %+v %v", now, err)
	}
	p := h.setUp(a, code)
	var kept int
	h.must(h.tx(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM admins WHERE login = $1 AND set_up_digest <> ''`, amy).Scan(&kept)
	}))
	if kept != 0 {
		t.Error("the code is kept after it was used")
	}
	h.is(h.SetPassword(h.Context(), token, phrase), signin.ErrNoSession)
	if p.key.Text() == strangers.Text() {
		t.Error("the key that a stranger has seen is in force")
	}
	h.is(errOf(h.BeginSetUp(h.Context(), amy, code, desk())), signin.ErrRefused) // used
	h.pass(24*time.Hour - 2*time.Minute)
	h.must(errOf(h.BeginSetUp(h.Context(), "bob@example.com", other, desk())))
	h.pass(2 * time.Minute)
	h.is(errOf(h.BeginSetUp(h.Context(), "bob@example.com", other, desk())), signin.ErrRefused) // too old
}

// TestReset: whoever lost everything begins anew, and what was lost opens
// nothing.
func TestReset(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	k := h.newKey()
	token := p.session.Token.Text()
	h.must(h.AddPasskey(h.Context(), token, "blue", k.register(token)))
	half := p.begin()
	for range signin.AccountTries {
		h.is(p.wrong(), signin.ErrRefused)
	}
	code, err := h.reset(p.admin.ID)
	h.must(err)
	a := h.byID(p.admin.ID)
	if a.Status != signin.Invited || a.HasTOTP || len(a.Passkeys) != 0 || a.RecoveryCodesLeft != 0 || !a.SetUpUntil.Equal(h.now.Add(signin.SetUpCodeLife)) {
		t.Errorf("%+v", a)
	}
	h.is(errOf(h.Find(h.Context(), token)), signin.ErrNoSession)
	h.is(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())), signin.ErrNoSession)
	h.is(errOf(h.Begin(h.Context(), amy, phrase, desk())), signin.ErrRefused)
	if e := h.last(systemlog.ResetFactors); e.Targets[0].ID != a.ID {
		t.Errorf("%+v", e)
	}
	again, err := h.reset(p.admin.ID)
	h.must(err)
	h.is(errOf(h.BeginSetUp(h.Context(), amy, code.Text(), desk())), signin.ErrRefused) // replaced
	q := h.setUp(a, again.Text())
	h.is(errOf(h.Find(h.Context(), token)), signin.ErrNoSession) // and it stays so
	h.is(errOf(h.WithRecoveryCode(h.Context(), q.begin(), p.codes[0].Text(), desk())), signin.ErrRefused)
	_, err = h.reset("admzzz")
	h.is(err, signin.ErrNotFound)

	// A suspension is not ended by it.
	h.join("bob@example.com", access.SuperAdmin)
	h.must(h.suspend(a.ID))
	code, err = h.reset(a.ID)
	h.must(err)
	h.is(errOf(h.BeginSetUp(h.Context(), amy, code.Text(), desk())), signin.ErrRefused)
	h.must(h.unsuspend(a.ID))
	h.setUp(a, code.Text())
}

func TestSuspend(t *testing.T) {
	h := newHouse(t)
	h.join("bob@example.com", access.SuperAdmin)
	p := h.join(amy, access.SuperAdmin)
	half := p.begin()
	h.must(h.suspend(p.admin.ID))
	h.is(errOf(h.Find(h.Context(), p.session.Token.Text())), signin.ErrNoSession)
	h.is(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())), signin.ErrNoSession)
	h.is(errOf(h.Begin(h.Context(), amy, phrase, desk())), signin.ErrRefused)
	h.is(h.suspend(p.admin.ID), signin.ErrState)
	h.must(h.unsuspend(p.admin.ID))
	h.is(h.unsuspend(p.admin.ID), signin.ErrState)
	h.is(errOf(h.Find(h.Context(), p.session.Token.Text())), signin.ErrNoSession) // ended for good
	p.signIn()
	for kind, want := range map[string]int{systemlog.UserSuspend: 1, systemlog.UserUnsuspend: 1} {
		if n := len(h.events(kind)); n != want {
			t.Errorf("%d events %s", n, kind)
		}
	}

	// Whoever was not set up goes on with that.
	a, code := h.invite("carl@example.com", access.OrgAdmin)
	begun, err := h.BeginSetUp(h.Context(), a.Login, code, desk())
	h.must(err)
	h.must(h.suspend(a.ID))
	h.is(h.SetPassword(h.Context(), begun.Token.Text(), phrase), signin.ErrNoSession)
	h.is(errOf(h.BeginSetUp(h.Context(), a.Login, code, desk())), signin.ErrRefused)
	h.must(h.unsuspend(a.ID))
	if s := h.byID(a.ID).Status; s != signin.Invited {
		t.Errorf("%s", s)
	}
	h.setUp(a, code)
	for _, err := range []error{h.suspend("admzzz"), h.unsuspend("admzzz"), h.setRole("admzzz", access.OrgAdmin)} {
		h.is(err, signin.ErrNotFound)
	}
}

// TestChangedWhileThePasswordIsCompared: what was read before is read again.
func TestChangedWhileThePasswordIsCompared(t *testing.T) {
	for name, change := range map[string]func(h *house, p *person) error{
		"suspended":        func(h *house, p *person) error { return h.suspend(p.admin.ID) },
		"reset":            func(h *house, p *person) error { return errOf(h.reset(p.admin.ID)) },
		"another password": func(h *house, p *person) error { return h.exec(`UPDATE admins SET password = 'x' || password`) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.join("bob@example.com", access.SuperAdmin)
			p := h.join(amy, access.SuperAdmin)
			signin.Cheapen(h.Service, func() { h.must(change(h, p)) })
			h.is(errOf(h.Begin(h.Context(), amy, phrase, desk())), signin.ErrRefused)
		})
	}
}

// TestAStatusCountsAtOnce, whatever set it.
func TestAStatusCountsAtOnce(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	half := p.begin()
	for _, status := range []signin.Status{signin.Suspended, signin.Invited, "OTHER"} {
		h.must(h.exec(`UPDATE admins SET status = $1`, string(status)))
		h.is(errOf(h.Find(h.Context(), p.session.Token.Text())), signin.ErrNoSession)
		h.is(errOf(h.FindPending(h.Context(), half)), signin.ErrNoSession)
	}
}

func TestTheLastSuperAdminStays(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	h.join("carl@example.com", access.OrgAdmin)
	waits, code := h.invite("bob@example.com", access.SuperAdmin) // and is none yet
	h.must(h.suspend(waits.ID))
	h.must(h.setRole(waits.ID, access.OrgAdmin))
	h.must(h.setRole(waits.ID, access.SuperAdmin))
	h.must(h.unsuspend(waits.ID))
	h.is(h.suspend(p.admin.ID), signin.ErrLastSuperAdmin)
	h.is(h.setRole(p.admin.ID, access.OrgAdmin), signin.ErrLastSuperAdmin)
	h.must(h.setRole(p.admin.ID, access.SuperAdmin)) // no change
	if a := h.byID(p.admin.ID); a.Status != signin.Active || a.Role != access.SuperAdmin {
		t.Errorf("%+v", a)
	}
	h.must(errOf(h.Find(h.Context(), p.session.Token.Text())))
	bob := h.setUp(waits, code)
	h.must(h.suspend(p.admin.ID))
	h.is(h.setRole(bob.admin.ID, access.HelpDeskAdmin), signin.ErrLastSuperAdmin)
	h.must(h.unsuspend(p.admin.ID))
	h.must(h.setRole(bob.admin.ID, access.HelpDeskAdmin))
	h.is(h.setRole(bob.admin.ID, "king"), signin.ErrValue)
	x, err := h.Find(h.Context(), bob.session.Token.Text())
	h.must(err)
	if x.Caller().Role != access.HelpDeskAdmin {
		t.Errorf("an open session has the role %s", x.Caller().Role)
	}
	if e := h.last(systemlog.PrivilegeGrant); e.Detail["role"] != "super-admin -> help-desk-admin" {
		t.Errorf("%+v", e)
	}
}

func TestAdmins(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	h.joinWithKey(k)
	h.invite("aaron@example.com", access.ReadOnlyAdmin)
	var all []signin.Admin
	h.must(h.tx(func(tx *sql.Tx) (err error) { all, err = h.Admins(h.Context(), tx); return err }))
	if len(all) != 2 || all[0].Login != "aaron@example.com" || len(all[1].Passkeys) != 1 || all[1].RecoveryCodesLeft != 10 || all[0].RecoveryCodesLeft != 0 {
		t.Errorf("%+v", all)
	}
	h.must(h.tx(func(tx *sql.Tx) error {
		a, err := h.AdminByLogin(h.Context(), tx, "AARON@example.com")
		if err == nil && a.ID != all[0].ID {
			t.Errorf("%+v", a)
		}
		return err
	}))
}

// TestTheLastFactorStays: a password alone opens nothing.
func TestTheLastFactorStays(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	token, k := p.session.Token.Text(), h.newKey()
	h.is(h.RemoveTOTP(h.Context(), token), signin.ErrLastFactor)
	h.must(h.AddPasskey(h.Context(), token, "blue", k.register(token)))
	h.is(h.AddPasskey(h.Context(), token, "blue", []byte(`{}`)), signin.ErrRefused)
	h.is(h.RemovePasskey(h.Context(), token, "pkyzzz"), signin.ErrNotFound)
	h.must(h.RemoveTOTP(h.Context(), token))
	h.is(h.RemoveTOTP(h.Context(), token), signin.ErrNotFound)
	key := h.byID(p.admin.ID).Passkeys[0]
	h.is(h.RemovePasskey(h.Context(), token, key.ID), signin.ErrLastFactor)
	half := p.begin()
	h.is(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())), signin.ErrRefused) // removed
	h.must(errOf(h.WithPasskey(h.Context(), half, k.prove(half), desk())))

	key2 := h.appKey(token)
	h.is(h.ReplaceTOTP(h.Context(), token, "000000"), signin.ErrRefused)
	h.is(h.ReplaceTOTP(h.Context(), token, "00000"), signin.ErrNotACode)
	p.key = key2
	h.must(h.ReplaceTOTP(h.Context(), token, p.code()))
	h.must(h.RemovePasskey(h.Context(), token, key.ID))
	h.is(errOf(h.PasskeyChallenge(h.Context(), p.begin())), signin.ErrNotFound)
	p.signIn()
	for kind, want := range map[string]int{systemlog.FactorActivate: 3, systemlog.FactorDeactivate: 2} {
		if n := len(h.events(kind)); n != want {
			t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
}

// TestAKeyThatWasShownBefore: the key of an app that was shown in one session is
// not offered in the next, where somebody else may have seen it.
func TestAKeyThatWasShownBefore(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	shown := h.appKey(p.session.Token.Text())
	if again := h.appKey(p.signIn().Token.Text()); again.Text() == shown.Text() {
		t.Error("it is offered again")
	}
}
