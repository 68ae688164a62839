package online

import (
	"context"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

type code struct{ *Factors }

// Ready implements factor.Factor.
func (c code) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	return c.ready(account)
}

// Run implements factor.Factor.
func (c code) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	u, err := c.linked(account)
	if err != nil {
		return factor.Outcome{}, err
	}
	result, err := c.codes(ctx, u, ask)
	return outcome(result), err
}

// codes asks for codes until the org takes one, or takes no more. How many it
// takes is the org's to count: a Mac that did could be reset, or be one of
// many.
func (f *Factors) codes(ctx context.Context, u user, ask factor.Ask) (shown, error) {
	screen := codeScreen(u.login)
	for {
		act, err := ask(ctx, screen)
		if err != nil {
			return shown{}, err
		}
		typed, err := totp.ParseCode(act.Values["code"])
		if err != nil {
			screen.Note = &wire.Note{Level: wire.LevelError, Text: textNotACode}
			continue
		}
		result := f.code(ctx, u, typed)
		if ctx.Err() != nil || result.ok || !result.again {
			return result, ctx.Err()
		}
		screen.Note = &wire.Note{Level: wire.LevelError, Text: result.note}
	}
}

func (f *Factors) code(ctx context.Context, u user, typed string) shown {
	client, err := f.Org.Client(ctx)
	if err != nil {
		return f.failed(u, KindCode, err)
	}
	tokens, err := client.OTP(ctx, u.login, typed)
	if err != nil {
		return f.failed(u, KindCode, err)
	}
	return f.taken(u, KindCode, tokens)
}

func codeScreen(login string) wire.Screen {
	return wire.Screen{Kind: wire.KindCode, Title: "Enter the code from your organization's app",
		Text:    "Open the app and type the code for your account " + login + ", not the one for this computer.",
		Fields:  []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Code", Digits: totp.Digits}},
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Sign in", Role: wire.RoleDefault}}}
}
