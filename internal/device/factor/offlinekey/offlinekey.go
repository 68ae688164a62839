package offlinekey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// Kind is the factor's name in AllowedFactors.
const Kind = "Offline_Security_key"

// Records is where the accounts' records are kept.
type Records interface {
	Read(key string) ([]byte, error)
	Write(changes map[string][]byte) error
}

// Journal takes the events, alone or in the same write as what they tell of.
type Journal interface {
	Stage(into map[string][]byte, name, guid string, detail ...string) error
	Record(name, guid string, detail ...string) error
}

// Time is the trusted time.
type Time interface{ Now() trustedtime.Reading }

// Keys asks the person for a security key, as package securitykey does.
type Keys interface {
	Run(ctx context.Context, ask factor.Ask, use securitykey.Use) error
}

// OfflineKey is the factor. It is safe for concurrent use. All fields are
// needed.
type OfflineKey struct {
	Records Records
	Journal Journal
	Time    Time
	Keys    Keys
	// Org is the host of the org, for which keys are set up.
	Org func() string

	mu sync.Mutex
}

var (
	_ factor.Factor   = (*OfflineKey)(nil)
	_ factor.Enroller = (*OfflineKey)(nil)
	_ factor.Remover  = (*OfflineKey)(nil)
)

// Ready implements factor.Factor.
func (k *OfflineKey) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec, err := k.load(account.GUID)
	return k.standing(rec, err)
}

// standing says whether a record has the factor, and why it cannot run now.
func (k *OfflineKey) standing(rec record, err error) (enrolled bool, why factor.Reason) {
	switch {
	case err != nil:
		// An account whose record cannot be read may well have the factor: saying
		// that it has none would open the way to setting up another.
		return true, textUnreadable
	case len(rec.Keys) == 0:
		return false, ""
	case len(rec.usable(k.Org())) > 0:
		return true, ""
	case rec.Keys[len(rec.Keys)-1].Cloned:
		return true, textCloned
	}
	return true, textAnotherOrg
}

// Run implements factor.Factor.
func (k *OfflineKey) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	rpID := k.Org()
	list, err := k.usable(account.GUID, rpID)
	if err != nil {
		return factor.Outcome{}, err
	}
	if len(list) == 0 {
		return factor.Outcome{Result: factor.Declined, Note: k.gone(account)}, nil
	}
	data, taken := clientData(ctap.KindGet, rpID), false
	err = k.Keys.Run(ctx, ask, securitykey.Use{
		RPID: rpID, Verify: securitykey.Preferred, Permission: ctap.PermitGetAssertion, Touch: titleTouch, Again: titleAgain,
		Do: func(ctx context.Context, key *ctap.Key, with securitykey.With) error {
			a, err := key.GetAssertion(ctx, ctap.Wanted{RPID: rpID, ClientDataHash: sha256.Sum256(data), Allow: credentialIDs(list), Token: with.Token, UV: with.UV}, nil)
			if err != nil {
				return err
			}
			err = k.take(account.GUID, a, data)
			taken = err == nil
			return err
		},
		Refused: k.refused(account.GUID),
	})
	if err != nil || !taken {
		return factor.Outcome{Result: factor.Declined}, err
	}
	return factor.Outcome{Result: factor.Verified}, nil
}

// gone says why there is nothing to ask for: it was removed, or closed, while its
// screen was open.
func (k *OfflineKey) gone(account factor.Account) string {
	if _, why := k.Ready(context.Background(), account); why != "" {
		return string(why)
	}
	return textRemoved
}

func (k *OfflineKey) usable(guid, rpID string) ([]credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec, err := k.load(guid)
	return rec.usable(rpID), err
}

// take checks what a key has signed, against the record as it is now, and keeps
// the counter before anybody gets in by it.
func (k *OfflineKey) take(guid string, a ctap.Assertion, data []byte) error {
	var refused error
	err := k.change(guid, func(rec *record, with map[string][]byte) error {
		at := rec.find(a.CredentialID)
		if at < 0 || rec.Keys[at].Cloned {
			refused = ctap.ErrNoCredential
			return nil
		}
		c := &rec.Keys[at]
		counter, err := ctap.Verify(a, ctap.Enrolled{RPID: c.RPID, CredentialID: c.Credential, PublicKey: c.PublicKey, Counter: c.Counter}, data, c.Verified)
		if errors.Is(err, ctap.ErrCloned) {
			// There are two of this key, and which is the person's cannot be told.
			c.Cloned, refused = true, &securitykey.Rejected{Reason: "key_cloned", Note: textCloned}
			return k.Journal.Stage(with, events.FactorLock, guid, "kind", Kind, "id", c.ID, "reason", "key_cloned")
		}
		if err != nil {
			refused = rejected(err)
			return nil
		}
		c.Counter = counter
		return nil
	})
	if err != nil {
		return securitykey.Ours(err)
	}
	return refused
}

// rejected is what a signature that is not good means.
func rejected(err error) error {
	for _, known := range []struct {
		err          error
		reason, note string
	}{
		{ctap.ErrNotVerified, "key_not_verified", textNotVerified},
		{ctap.ErrNotPresent, "key_not_present", textNotPresent},
		{ctap.ErrRP, "key_of_another_site", textBadSignature},
		{ctap.ErrSignature, "key_signature", textBadSignature},
	} {
		if errors.Is(err, known.err) {
			return &securitykey.Rejected{Reason: known.reason, Note: known.note}
		}
	}
	return err
}

func (k *OfflineKey) refused(guid string) func(reason string) error {
	return func(reason string) error {
		return k.Journal.Record(events.FactorReject, guid, "kind", Kind, "reason", reason)
	}
}

// algorithms that the Mac verifies, the best first: ES256, EdDSA, RS256.
func algorithms() []int { return []int{-7, -8, -257} }

// clientData is what a key signs of: for the org's site, and once.
func clientData(kind, rpID string) []byte {
	var challenge [32]byte
	rand.Read(challenge[:])
	return ctap.ClientData(kind, challenge[:], "https://"+rpID)
}

// Enrol implements factor.Enroller. What the key says of its make is taken note
// of, and not believed: which makes are trusted is no question of this policy.
func (k *OfflineKey) Enrol(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	if _, room := k.Count(account); !room {
		return factor.Outcome{Result: factor.Declined, Note: textFull}, nil
	}
	rpID := k.Org()
	list, err := k.usable(account.GUID, rpID)
	if err != nil {
		return factor.Outcome{}, err
	}
	added := false
	var userID [32]byte
	rand.Read(userID[:]) // a key tells its user's id to whoever finds it
	err = k.Keys.Run(ctx, ask, securitykey.Use{
		RPID: rpID, Verify: securitykey.Preferred, Permission: ctap.PermitMakeCredential, Touch: titleEnrol, Again: titleEnrolAgain,
		Do: func(ctx context.Context, key *ctap.Key, with securitykey.With) error {
			made, err := key.MakeCredential(ctx, ctap.NewCredential{
				ClientDataHash: sha256.Sum256(clientData(ctap.KindCreate, rpID)), RPID: rpID, RPName: rpID,
				UserID: userID[:], UserName: account.Name, DisplayName: account.FullName,
				Algorithms: algorithms(), Exclude: credentialIDs(list), Token: with.Token, UV: with.UV,
			}, nil)
			if err != nil {
				return fmt.Errorf("set up a security key: %w", err)
			}
			err = k.add(account.GUID, rpID, made)
			added = err == nil
			return securitykey.Ours(err)
		},
		Refused: k.refused(account.GUID),
	})
	if err != nil || !added {
		return factor.Outcome{Result: factor.Declined}, err
	}
	return factor.Outcome{Result: factor.Enrolled, Note: textEnrolled}, nil
}
