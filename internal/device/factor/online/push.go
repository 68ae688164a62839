package online

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// slowAfter is when a push counts as slow: then the screen says what else the
// person can do.
const slowAfter = 20 * time.Second

type push struct{ *Factors }

// Ready implements factor.Factor.
func (p push) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	return p.ready(account)
}

// Run implements factor.Factor.
func (p push) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	u, err := p.linked(account)
	if err != nil {
		return factor.Outcome{}, err
	}
	result, err := p.pushes(ctx, u, ask)
	return outcome(result), err
}

func outcome(s shown) factor.Outcome {
	if !s.ok {
		return factor.Outcome{Result: factor.Declined, Note: s.note}
	}
	return factor.Outcome{Result: factor.Verified}
}

// pushes sends one push after the other, each after the person has asked for
// it.
func (f *Factors) pushes(ctx context.Context, u user, ask factor.Ask) (shown, error) {
	for {
		result, err := f.push(ctx, u, ask)
		if err != nil || result.ok || !result.again {
			return result, err
		}
		if _, err := ask(ctx, againScreen(result.note)); err != nil {
			return shown{}, err
		}
	}
}

// push sends one and waits for what comes of it. An error is the end of ctx:
// the person has gone another way.
func (f *Factors) push(ctx context.Context, u user, ask factor.Ask) (shown, error) {
	if _, err := ask(ctx, sendingScreen()); err != nil {
		return shown{}, err
	}
	client, err := f.Org.Client(ctx)
	if err != nil {
		return f.failed(u, KindPush, err), ctx.Err()
	}
	oob, err := client.Push(ctx, u.login)
	if err != nil {
		return f.failed(u, KindPush, err), ctx.Err()
	}
	if oob.Binding != directauth.BindingTransfer && f.Number() {
		// The org's setting wants the number matched, and there is none to
		// match: whoever has the password could wear the person down.
		return f.refused(u, KindPush, "no_number", shown{note: textNoNumber}), nil
	}
	return f.await(ctx, client, u, oob, ask)
}

// await waits for the answer on the phone, and says so when it is slow. One poll
// after the other goes on meanwhile: an answer that is cut off may be the one
// that counts.
func (f *Factors) await(ctx context.Context, client Client, u user, oob directauth.OOB, ask factor.Ask) (shown, error) {
	if _, err := ask(ctx, waitingScreen(f.Mac(), oob, false)); err != nil {
		return shown{}, err
	}
	var (
		tokens directauth.Tokens
		failed error
		over   = make(chan struct{})
		poll   sync.WaitGroup
	)
	poll.Go(func() {
		defer close(over)
		defer func() {
			if caught := recover(); caught != nil {
				failed = fmt.Errorf("await a push: panic: %v", caught) // closes this way alone
			}
		}()
		tokens, failed = client.Await(ctx, oob)
	})
	defer poll.Wait()
	slow := time.NewTimer(slowAfter)
	defer slow.Stop()
	select {
	case <-over:
	case <-slow.C:
		if _, err := ask(ctx, waitingScreen(f.Mac(), oob, true)); err != nil {
			return shown{}, err
		}
		<-over
	}
	switch {
	case ctx.Err() != nil:
		return shown{}, ctx.Err()
	case failed != nil:
		return f.failed(u, KindPush, failed), nil
	}
	return f.taken(u, KindPush, tokens), nil
}

func sendingScreen() wire.Screen {
	return wire.Screen{Kind: wire.KindPush, Title: titlePush, Text: textAsking, Busy: true}
}

func waitingScreen(mac string, oob directauth.OOB, slow bool) wire.Screen {
	s := wire.Screen{Kind: wire.KindPush, Title: titlePush, Busy: true,
		Text: "A question was sent to your phone. Approve it there if it names “" + mac + "”."}
	if oob.Binding == directauth.BindingTransfer {
		s.Number = oob.BindingCode
		s.Text = "Choose this number on your phone, if it names “" + mac + "”."
	}
	if slow {
		s.Note = &wire.Note{Level: wire.LevelInfo, Text: textSlow}
	}
	return s
}

func againScreen(note string) wire.Screen {
	// Under a title of its own, so that a panel sets the focus anew: on the
	// screen before, it was on another way.
	return wire.Screen{Kind: wire.KindPush, Title: titleAgain, Text: "Send another question to your phone, or sign in another way.",
		Note:    &wire.Note{Level: wire.LevelError, Text: note},
		Actions: []wire.Action{{ID: wire.ActionRetry, Label: "Send again", Role: wire.RoleDefault}}}
}
