package online

import (
	"context"
	"crypto/sha256"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

type key struct{ *Factors }

// Ready implements factor.Factor.
func (k key) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	return k.ready(account)
}

// Run implements factor.Factor. Each question of the org is signed once; after
// a refusal that another key may change, the person asks for the next.
func (k key) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	u, err := k.linked(account)
	if err != nil {
		return factor.Outcome{}, err
	}
	for {
		result, err := k.once(ctx, u, ask)
		if err != nil || result.ok || !result.again {
			return outcome(result), err
		}
		if _, err := ask(ctx, keyAgainScreen(result.note)); err != nil {
			return factor.Outcome{}, err
		}
	}
}

// once has one question of the org signed, and sees what the org says.
func (k key) once(ctx context.Context, u user, ask factor.Ask) (shown, error) {
	if _, err := ask(ctx, askingScreen()); err != nil {
		return shown{}, err
	}
	client, err := k.Org.Client(ctx)
	if err != nil {
		return k.failed(u, KindKey, err), ctx.Err()
	}
	challenge, err := client.WebAuthn(ctx, u.login)
	if err != nil {
		return k.failed(u, KindKey, err), ctx.Err()
	}
	if len(challenge.CredentialIDs) == 0 {
		return k.refused(u, KindKey, "not_enrolled", shown{note: textNoKey}), nil
	}
	origin, own := k.Origin(challenge.RPID)
	if !own {
		// A key signs for whom it is told to. What this Mac has signed for another
		// site, whoever runs the org could use there.
		return k.refused(u, KindKey, "foreign_rp", shown{note: textForeign}), nil
	}
	signed, err := k.sign(ctx, u, challenge, origin, ask)
	if err != nil {
		return shown{}, err
	}
	if _, err := ask(ctx, askingScreen()); err != nil {
		return shown{}, err
	}
	tokens, err := client.AnswerWebAuthn(ctx, challenge, signed)
	if err != nil {
		return k.failed(u, KindKey, err), ctx.Err()
	}
	return k.taken(u, KindKey, tokens), nil
}

// sign asks the person for a key that signs the challenge.
func (k key) sign(ctx context.Context, u user, challenge directauth.WebAuthnChallenge, origin string, ask factor.Ask) (signed directauth.Assertion, err error) {
	data := ctap.ClientData(ctap.KindGet, challenge.Challenge, origin)
	err = k.Keys.Run(ctx, ask, securitykey.Use{
		RPID: challenge.RPID, Verify: securitykey.VerificationOf(challenge.UserVerification), Permission: ctap.PermitGetAssertion,
		Touch: titleKey, Again: titleKeyAgain,
		Do: func(ctx context.Context, key *ctap.Key, with securitykey.With) error {
			a, err := key.GetAssertion(ctx, ctap.Wanted{RPID: challenge.RPID, ClientDataHash: sha256.Sum256(data), Allow: challenge.CredentialIDs, Token: with.Token, UV: with.UV}, nil)
			signed = directauth.Assertion{AuthenticatorData: a.AuthData, ClientDataJSON: data, Signature: a.Signature, UserHandle: a.UserHandle}
			return err
		},
		Refused: func(reason string) error {
			return k.Journal.Record(eventReject, u.account.GUID, "kind", KindKey, "reason", reason)
		},
	})
	return signed, err
}

// askingScreen is no question to the key, so its kind is not a key's.
func askingScreen() wire.Screen {
	return wire.Screen{Kind: wire.KindNotice, Title: titleKey, Text: textAsking, Busy: true}
}

func keyAgainScreen(note string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: titleKeyAgain, Text: "Try again, or sign in another way.",
		Note:    &wire.Note{Level: wire.LevelError, Text: note},
		Actions: []wire.Action{{ID: wire.ActionRetry, Label: "Try again", Role: wire.RoleDefault}}}
}
