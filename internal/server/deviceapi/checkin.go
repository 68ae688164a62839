package deviceapi

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// tokenLife is how long a Mac keeps its token before it gets another.
const tokenLife = 30 * 24 * time.Hour

// take answers one check-in within tx. An *apierror.Error is an answer too, with
// which tx is committed.
func (s *Server) take(ctx context.Context, tx *sql.Tx, p *picture, v *visit) ([]byte, error) {
	if err := v.id.trusted(p.chains); err != nil {
		return nil, err
	}
	in, request := v.in, v.request
	d, err := s.bind(ctx, tx, p, v.id, in)
	if err != nil {
		return nil, err
	}
	repeated := in.Seq == d.LastSeq && request == d.LastRequest
	switch {
	case repeated && d.LastAnswer != "":
		return s.again(d)
	case in.Seq <= d.LastSeq && !repeated:
		// A Mac that did not get its answer sends the same bytes. Another request
		// under a number that was taken is a second Mac, or an older copy of it.
		p.changed()
		return nil, s.wentBack(ctx, tx, d, in)
	}
	before := d
	d.LastRequest = request
	raw, err := s.fresh(ctx, tx, &d, p, in)
	if err != nil {
		return nil, err
	}
	return raw, p.keep(ctx, tx, &before, &d, s.Now())
}

// again answers a Mac that did not get an answer that is kept. What was decided
// stands, and its next check-in brings what has changed since; but the time is
// the time of now: the Mac sets its clock by it, and an old one would make it
// refuse good PINs and take old ones.
func (s *Server) again(d directory.Device) ([]byte, error) {
	raw, err := s.Vault.Open(vault.ForAnswers, d.LastAnswer, d.ID, strconv.FormatUint(d.LastSeq, 10))
	if err != nil {
		return nil, err
	}
	var out wire.CheckInAnswer
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read the stored answer: %w", err)
	}
	out.Now = s.Now().UTC()
	return json.Marshal(out)
}

// wentBack answers a Mac whose store is a copy of an earlier one. Whoever has
// the copy may have its secrets: all are rotated.
func (s *Server) wentBack(ctx context.Context, tx *sql.Tx, d directory.Device, in wire.CheckIn) error {
	err := errors.Join(
		directory.OrderAll(ctx, tx, d.ID, wire.CommandRotate, s.Now()),
		s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.SequenceBack, Severity: systemlog.Warn, Message: "A device's sequence went back: its store was restored or copied",
			Actor: recovery.DeviceActor(d), Targets: []systemlog.Target{target(d)},
			Detail: map[string]string{"seq": strconv.FormatUint(in.Seq, 10), "lastSeq": strconv.FormatUint(d.LastSeq, 10)}}))
	if err != nil {
		return err
	}
	e := apierror.New(http.StatusConflict, "The sequence number went back.", fmt.Sprintf("seq: %d, the last one taken is %d", in.Seq, d.LastSeq))
	e.Body.LastSeq = &d.LastSeq
	return e
}

func (s *Server) fresh(ctx context.Context, tx *sql.Tx, d *directory.Device, p *picture, in wire.CheckIn) (raw []byte, err error) {
	now, last, settings := s.Now(), d.SeenAt, p.settings
	out := wire.CheckInAnswer{Now: now.UTC(), DeviceID: d.ID, NextIn: int(s.Every / time.Second), More: len(in.Events) == wire.MaxCheckInEvents,
		MinAgent: s.MinAgent, Settings: settings}
	describe(d, in)
	d.SeenAt, d.Clock, d.KillSwitch, d.ArmedState, d.ArmedReason = now, in.Clock, in.KillSwitch, in.Armed.State, in.Armed.Reason
	d.PolicyState, d.PolicySHA256, d.PolicyErrors, d.Effective = in.Policy.State, in.Policy.SHA256, in.Policy.Errors, in.Policy.Effective
	if out.Token, err = s.token(ctx, tx, d, in.Token); err != nil {
		return nil, err
	}
	if len(in.Ack)+len(in.Events)+len(in.Secrets) > 0 {
		p.changed()
	}
	if err := directory.Acknowledge(ctx, tx, d.ID, in.Ack, now); err != nil {
		return nil, err
	}
	known, err := s.accounts(ctx, tx, *d, directory.Report{DeviceID: d.ID, Known: p.accounts[d.ID], Accounts: in.Accounts, Before: last, Now: now})
	if err != nil {
		return nil, err
	}
	out.Accounts = accountAnswers(known)
	// Before the secrets: a PIN that was used is not waited for.
	if out.Events, err = s.events(ctx, tx, *d, in.Events); err != nil {
		return nil, err
	}
	if out.Secrets, err = s.secrets(ctx, tx, *d, in.Secrets, settings); err != nil {
		return nil, err
	}
	if err := s.compare(ctx, tx, p, *d, in, known); err != nil {
		return nil, err
	}
	if out.Commands, err = p.waiting(ctx, tx, d.ID); err != nil {
		return nil, err
	}
	return s.seal(d, in, out)
}

// seal keeps an answer that can be given once only, for a Mac that asks again:
// sealed, since it may hold a token. Where nothing came of a check-in, none is
// kept: the same again comes to the same, and hears what there is to say by then.
func (s *Server) seal(d *directory.Device, in wire.CheckIn, out wire.CheckInAnswer) ([]byte, error) {
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode the answer to a check-in: %w", err)
	}
	d.LastSeq, d.LastAnswer = in.Seq, ""
	if out.Token == "" && len(in.Events)+len(in.Secrets) == 0 {
		return raw, nil
	}
	if d.LastAnswer, err = s.Vault.Seal(vault.ForAnswers, raw, d.ID, strconv.FormatUint(in.Seq, 10)); err != nil {
		return nil, fmt.Errorf("seal the answer to a check-in: %w", err)
	}
	return raw, nil
}

// token gives a Mac a new token when it has none, lost it, or has had it for
// long. The one before stays good until the new one has been shown.
func (s *Server) token(ctx context.Context, tx *sql.Tx, d *directory.Device, shown string) (string, error) {
	current, before := same(d.TokenHash, shown), same(d.TokenBeforeHash, shown)
	if shown != "" && d.TokenHash != "" && !current && !before {
		err := s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.TokenMismatch, Severity: systemlog.Warn, Message: "A device showed a token that is not its own",
			Actor: recovery.DeviceActor(*d), Targets: []systemlog.Target{target(*d)}, Outcome: systemlog.Outcome{Result: systemlog.Failure}})
		if err != nil {
			return "", err
		}
	}
	if current && s.Now().Sub(d.TokenAt) < tokenLife {
		d.TokenBeforeHash = ""
		return "", nil
	}
	token := rand.Text()
	d.TokenBeforeHash = ""
	if current || before {
		d.TokenBeforeHash = digest(shown)
	}
	d.TokenHash, d.TokenAt = digest(token), s.Now()
	return token, nil
}

// accounts keeps what the Mac reports, and is all accounts of it that are known
// here.
func (s *Server) accounts(ctx context.Context, tx *sql.Tx, d directory.Device, report directory.Report) ([]directory.Account, error) {
	saved, err := directory.SaveReported(ctx, tx, report)
	if err != nil {
		return nil, err
	}
	for _, a := range saved.Changed {
		err = s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.AccountSync, Message: "OS user account recorded", Actor: recovery.DeviceActor(d),
			Targets: []systemlog.Target{target(d), accountTarget(a)}, Detail: map[string]string{"linked": a.Linked, "governed": strconv.FormatBool(a.Governed)}})
		if err != nil {
			return nil, err
		}
	}
	return saved.Known, nil
}

// accountAnswers are of all accounts: a Mac whose store was lost or is an older
// copy reports none, and must not take their first login for one that is still
// to come.
func accountAnswers(known []directory.Account) []wire.AccountAnswer {
	out := []wire.AccountAnswer{}
	for _, a := range known {
		answer := wire.AccountAnswer{GUID: a.GUID, Prelink: a.Prelink}
		if !a.FirstGov.IsZero() {
			answer.FirstGovernedAt = &a.FirstGov
		}
		out = append(out, answer)
	}
	return out
}

func accountTarget(a directory.Account) systemlog.Target {
	return systemlog.Target{ID: a.ID, Type: "OSAccount", AlternateID: a.Name, DisplayName: a.FullName}
}

// secrets registers uploads. While recovery is off none is taken: the server
// holds no secret that it may not use.
func (s *Server) secrets(ctx context.Context, tx *sql.Tx, d directory.Device, uploads []wire.SecretUpload, settings wire.Settings) ([]wire.SecretResult, error) {
	out := []wire.SecretResult{}
	if !settings.Recovery {
		return out, nil
	}
	for _, u := range uploads {
		a, err := directory.AccountByGUID(ctx, tx, d.ID, u.GUID)
		if errors.Is(err, directory.ErrNotFound) {
			// Without an answer it stays pending on the Mac, which sends it again
			// once it has reported the account.
			continue
		}
		if err != nil {
			return nil, err
		}
		result, err := s.Book.Register(ctx, tx, d, a, u)
		if errors.Is(err, recovery.ErrPINOut) {
			continue // and comes again, likewise
		}
		if err != nil {
			return nil, err
		}
		out = append(out, result)
	}
	return out, nil
}

// compare orders a new secret where a Mac holds a current one that is not the
// one here, as after either side was restored from a backup: PINs made here
// would not be good there. A Mac that uploads one is about to agree anyway.
func (s *Server) compare(ctx context.Context, tx *sql.Tx, p *picture, d directory.Device, in wire.CheckIn, known []directory.Account) error {
	if !p.settings.Recovery || len(in.Accounts) == 0 {
		return nil
	}
	uploads := map[string]bool{}
	for _, u := range in.Secrets {
		uploads[directory.FoldGUID(u.GUID)] = true
	}
	states, err := s.registered(ctx, tx, p, known)
	if err != nil {
		return err
	}
	ids := map[string]string{}
	for _, a := range known {
		ids[a.GUID] = a.ID
	}
	for _, r := range in.Accounts {
		guid := directory.FoldGUID(r.GUID)
		if r.Secret.State != "current" || uploads[guid] {
			continue
		}
		held := states[ids[guid]]
		if held.Registered && held.Generation == r.Secret.Generation && strings.EqualFold(held.KeyID, r.Secret.KeyID) {
			continue
		}
		p.changed()
		if err := directory.Order(ctx, tx, d.ID, wire.CommandRotate, guid, s.Now()); err != nil {
			return err
		}
	}
	return nil
}
