package checkin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const (
	// maxRounds in one check-in. A full queue takes a hundred.
	maxRounds = 200
	// repeatFor is how long a request with an unknown outcome is sent again as
	// it was. After that it is made anew: a report of an hour ago helps nobody.
	repeatFor = 10 * time.Minute
	// maxSeq leaves a number above it in every implementation of JSON.
	maxSeq = 1<<53 - 2
)

// attempt is a request with what it says.
type attempt struct {
	url  string // where it may be sent, because it can hold secrets
	sent wire.CheckIn
	body []byte
	at   time.Duration
}

func (r *Runner) rounds(ctx context.Context) (Result, error) {
	var result Result
	restored := false
	for range maxRounds {
		again, err := r.round(ctx, &result)
		var refused *Refusal
		if errors.As(err, &refused) && r.cured(ctx, refused, &restored, &err) {
			continue
		}
		if err != nil || !again {
			return result, err
		}
	}
	return result, nil
}

// cured deals with a refusal that another request at once can get past: a
// number that went back, once only, and a request that was too large, until it
// holds a single event.
func (r *Runner) cured(ctx context.Context, refused *Refusal, restored *bool, err *error) bool {
	switch {
	case refused.Status == http.StatusConflict && !*restored:
		*restored = true
		*err = r.restore(ctx, refused)
		return *err == nil
	case refused.Status == http.StatusRequestEntityTooLarge && r.most > 1:
		r.most /= 2
		return true
	}
	return false
}

// round is one request and its answer; again says that either side has more.
func (r *Runner) round(ctx context.Context, result *Result) (again bool, err error) {
	url := r.o.URL()
	if url == "" {
		return false, ErrNoServer
	}
	certificate, err := r.o.Identity.Certificate(ctx)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	}
	at, err := r.find(ctx, url)
	if err != nil {
		return false, err
	}
	a, err := r.prepare(ctx, url)
	if err != nil {
		return false, err
	}
	client := r.client(&certificate)
	defer client.CloseIdleConnections()
	took := Exchange{Asked: r.o.Clock.Continuous()}
	raw, err := post(ctx, client, at.device, a.body, a.sent.Device.Agent)
	took.Answered = r.o.Clock.Continuous()
	if err != nil {
		return false, r.refused(err)
	}
	answer, err := decodeAnswer(raw)
	if err != nil {
		r.found = nil
		return false, fmt.Errorf("read the server's answer to the check-in: %w", err)
	}
	r.pending, r.most = nil, min(2*r.most, wire.MaxCheckInEvents)
	onlyAsked(a.sent, &answer)
	result.Rounds++
	result.Events += len(answer.Events)
	result.DeviceID, result.NextIn = answer.DeviceID, time.Duration(min(answer.NextIn, int(latest/time.Second)))*time.Second
	again, err = r.take(ctx, a, answer, took)
	if stale(answer) && !result.raised {
		// The secret has a higher number now. Until the server has it no PIN is
		// good here, so it goes at once, and once: a server may say so for ever.
		result.raised, again = true, true
	}
	return again, err
}

func stale(a wire.CheckInAnswer) bool {
	return slices.ContainsFunc(a.Secrets, func(r wire.SecretResult) bool { return r.Result == wire.SecretStale })
}

// refused decides what becomes of the request after an error.
func (r *Runner) refused(err error) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.unknownOutcome() {
		// It may have been carried out: the same request again gets the answer
		// that was lost. The server may also have moved.
		r.found = nil
		return err
	}
	r.pending = nil
	return err
}

// prepare is the request to send: the last one, if its outcome is not known,
// else a new one, whose number is stored before it can be sent.
func (r *Runner) prepare(ctx context.Context, url string) (*attempt, error) {
	now := r.o.Clock.Continuous()
	if p := r.pending; p != nil && p.url == url && now-p.at < repeatFor {
		return p, nil
	}
	r.pending = nil
	rec, err := r.o.State.Load()
	if err != nil {
		return nil, err
	}
	if rec.Seq >= maxSeq {
		return nil, fmt.Errorf("the sequence number %d is at its end", rec.Seq)
	}
	rec.Seq++
	sent, err := r.compose(ctx, rec, url)
	if err != nil {
		return nil, err
	}
	body, err := fit(&sent)
	if err != nil {
		return nil, err
	}
	if err := r.o.State.Save(rec); err != nil {
		return nil, err
	}
	r.pending = &attempt{url: url, sent: sent, body: body, at: now}
	return r.pending, nil
}

func (r *Runner) compose(ctx context.Context, rec Record, url string) (wire.CheckIn, error) {
	c, err := r.o.Reporter.Report(ctx)
	if err != nil {
		return wire.CheckIn{}, fmt.Errorf("describe this device: %w", err)
	}
	c.V, c.Seq, c.Token, c.Secrets = wire.Version, rec.Seq, "", nil
	if rec.trusts(url) {
		c.Token = rec.Token
		if c.Secrets, err = r.o.Secrets.Uploads(ctx); err != nil {
			return wire.CheckIn{}, fmt.Errorf("collect the recovery secrets to register: %w", err)
		}
	}
	if c.Events, err = r.o.Events.Pending(r.most); err != nil {
		return wire.CheckIn{}, fmt.Errorf("collect the events to deliver: %w", err)
	}
	return c, nil
}

// fit encodes a check-in, with fewer events if it would be too large.
func fit(c *wire.CheckIn) ([]byte, error) {
	for {
		body, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode the check-in: %w", err)
		}
		if len(body) <= wire.MaxCheckIn {
			return body, nil
		}
		if len(c.Events) == 0 {
			return nil, fmt.Errorf("the check-in has %d bytes without events; at most %d are allowed", len(body), wire.MaxCheckIn)
		}
		c.Events = c.Events[:len(c.Events)/2]
	}
}

// take hands an answer on. What one part does with it does not depend on
// another, so all are told, and all their errors count; the server repeats what
// was not acknowledged.
func (r *Runner) take(ctx context.Context, a *attempt, answer wire.CheckInAnswer, took Exchange) (again bool, err error) {
	first, err := r.remember(a.url, answer)
	if err == nil && len(answer.Secrets) > 0 {
		err = r.o.Secrets.Results(ctx, answer.Secrets)
	}
	if len(answer.Events) > 0 {
		err = errors.Join(err, r.o.Events.Delivered(answer.Events))
	}
	err = errors.Join(err, r.o.Answers.Apply(ctx, a.sent, answer, took))
	if err != nil {
		return false, fmt.Errorf("take the server's answer: %w", err)
	}
	full := len(a.sent.Events) > 0 && len(answer.Events) == len(a.sent.Events) && r.moreEvents()
	return answer.More || first || full, nil
}

// remember stores what the server calls this device, and that it is one; first
// says that secrets may go there from now on.
func (r *Runner) remember(url string, answer wire.CheckInAnswer) (first bool, err error) {
	rec, err := r.o.State.Load()
	if err != nil {
		return false, err
	}
	first = !rec.trusts(url)
	if first {
		rec.Token = "" // another server's
	}
	rec.URL, rec.DeviceID, rec.Answered = url, answer.DeviceID, answer.Now
	if answer.Token != "" {
		rec.Token = answer.Token
	}
	return first, r.o.State.Save(rec)
}

// moreEvents reports whether events wait that a check-in could deliver at once.
func (r *Runner) moreEvents() bool {
	events, err := r.o.Events.Pending(1)
	return err == nil && len(events) > 0
}

// restore goes on above the number that the server has seen. The caller is told
// first: if it cannot rotate the secrets, the number stays, and the server
// refuses again.
func (r *Runner) restore(ctx context.Context, refused *Refusal) error {
	rec, err := r.o.State.Load()
	if err != nil {
		return err
	}
	if refused.LastSeq == nil || *refused.LastSeq < rec.Seq || *refused.LastSeq >= maxSeq {
		return refused // it does not say what would be above
	}
	if err := r.o.Answers.Restored(ctx, *refused.LastSeq); err != nil {
		return fmt.Errorf("prepare for a store that was restored: %w", err)
	}
	rec.Seq = *refused.LastSeq
	return r.o.State.Save(rec)
}
