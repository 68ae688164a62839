package factor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Times of a phone.
const (
	UnlockLife       = 5 * time.Minute // of an unlocked session
	unlockAnswerLife = 2 * time.Minute // from the question to the passkey's answer
)

// What a phone's browser meets.
var (
	// ErrNoPhone is a browser that is no phone of anybody's, one that was
	// removed or suspended, or one of a user who may not sign in.
	ErrNoPhone = errors.New("this browser is not an authenticator, or not any more")
	// ErrLocked is a phone whose owner has not shown that they are there.
	ErrLocked = errors.New("the phone is locked: unlock it with its passkey")
)

// Phone is the browser of a phone that is known.
type Phone struct {
	ID            string // of its factor
	Name          string
	User          directory.User
	UnlockedUntil time.Time // zero, or past, is locked
	Subscribed    bool      // Web Push reaches it
}

// FindPhone is the phone of a token; unlock is the token of its unlocked
// session, or "". The error is ErrNoPhone, or the database's.
func (b *Book) FindPhone(ctx context.Context, tx *sql.Tx, token, unlock string) (p Phone, err error) {
	if token == "" {
		return p, ErrNoPhone
	}
	var userID, kept, subscription string
	var until sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT factor_id, user_id, unlock_digest, unlocked_until, subscription FROM phones WHERE digest = $1`, b.digest("phone", token)).
		Scan(&p.ID, &userID, &kept, &until, &subscription)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNoPhone
	}
	if err != nil {
		return p, fmt.Errorf("read a phone: %w", err)
	}
	if p.User, err = directory.FindUser(ctx, tx, userID); err != nil {
		return p, err
	}
	f, err := b.one(ctx, tx, p.User, p.ID)
	if err != nil {
		return p, err
	}
	if p.User.Status != directory.Active || !f.Usable() {
		return Phone{}, ErrNoPhone
	}
	p.Name, p.Subscribed = f.Name, subscription != ""
	if unlock != "" && kept != "" && hmac.Equal([]byte(kept), []byte(b.digest("unlock", p.ID, unlock))) && b.Now().Before(store.Time(until)) {
		p.UnlockedUntil = store.Time(until)
	}
	return p, nil
}

// FindUnlocked is a phone whose session is unlocked. Errors: ErrNoPhone,
// ErrLocked, or the database's.
func (b *Book) FindUnlocked(ctx context.Context, tx *sql.Tx, token, unlock string) (Phone, error) {
	p, err := b.FindPhone(ctx, tx, token, unlock)
	if err == nil && p.UnlockedUntil.IsZero() {
		err = ErrLocked
	}
	return p, err
}

// BeginUnlock is what the browser of a phone is to be given
// (navigator.credentials.get), as JSON. Errors: ErrNoPhone,
// credential.ErrNoParty, or the database's.
func (b *Book) BeginUnlock(ctx context.Context, token string) (options []byte, err error) {
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		p, h, err := b.phoneHolder(ctx, tx, token)
		if err != nil {
			return err
		}
		asked, kept, err := b.Party.BeginUnlock(h)
		if err != nil {
			return err
		}
		options = asked
		sealed, err := b.Vault.Seal(vault.ForFactors, kept, "unlock", p.ID)
		if err != nil {
			return fmt.Errorf("seal a challenge: %w", err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE phones SET ceremony = $2, ceremony_until = $3 WHERE factor_id = $1`, p.ID, sealed, store.Micros(b.Now().Add(unlockAnswerLife)))
		if err != nil {
			return fmt.Errorf("store a challenge: %w", err)
		}
		return nil
	})
	return options, err
}

// phoneHolder is a phone with its owner, who has its credential alone.
func (b *Book) phoneHolder(ctx context.Context, tx *sql.Tx, token string) (Phone, credential.Holder, error) {
	p, err := b.FindPhone(ctx, tx, token, "")
	if err != nil {
		return p, credential.Holder{}, err
	}
	f, err := b.one(ctx, tx, p.User, p.ID)
	if err != nil {
		return p, credential.Holder{}, err
	}
	c, err := b.openCredential(p.User.ID, f)
	return p, holder(p.User, c), err
}

// Unlock takes the passkey's answer, once, and begins a session of UnlockLife.
// Errors: ErrNoPhone, those of credential.Party.Unlock, or the database's.
func (b *Book) Unlock(ctx context.Context, token string, response []byte, by By) (unlock string, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		p, h, err := b.phoneHolder(ctx, tx, token)
		if err != nil {
			return err
		}
		by.Actor = userActor(p.User)
		kept, err := b.takeUnlock(ctx, tx, p)
		if err != nil {
			return err
		}
		used, wrong := credential.Credential{}, credential.ErrWrong
		if kept != nil {
			used, wrong = b.Party.Unlock(h, kept, response)
		}
		if wrong != nil {
			no = wrong
			return b.notUnlocked(ctx, tx, p, used, wrong, by)
		}
		if err := b.keepCounter(ctx, tx, p.User, used); err != nil {
			return err
		}
		unlock = rand.Text()
		_, err = tx.ExecContext(ctx, `UPDATE phones SET unlock_digest = $2, unlocked_until = $3 WHERE factor_id = $1`, p.ID, b.digest("unlock", p.ID, unlock), store.Micros(b.Now().Add(UnlockLife)))
		if err != nil {
			return fmt.Errorf("unlock phone %s: %w", p.ID, err)
		}
		return b.tellChange(ctx, tx, p.User, by, systemlog.Event{Type: systemlog.PhoneUnlock, Message: "A phone was unlocked by its passkey", Detail: map[string]string{"id": p.ID}})
	})
	return unlock, errors.Join(err, no)
}

// takeUnlock uses the challenge that waits up; none is nil.
func (b *Book) takeUnlock(ctx context.Context, tx *sql.Tx, p Phone) (kept credential.Ceremony, err error) {
	var sealed string
	var until sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT ceremony, ceremony_until FROM phones WHERE factor_id = $1`, p.ID).Scan(&sealed, &until); err != nil {
		return nil, fmt.Errorf("read a challenge: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE phones SET ceremony = '', ceremony_until = NULL WHERE factor_id = $1`, p.ID); err != nil {
		return nil, fmt.Errorf("void a challenge: %w", err)
	}
	if sealed == "" || !b.Now().Before(store.Time(until)) {
		return nil, nil
	}
	if kept, err = b.Vault.Open(vault.ForFactors, sealed, "unlock", p.ID); err != nil {
		return nil, fmt.Errorf("open a challenge: %w", err)
	}
	return kept, nil
}

func (b *Book) notUnlocked(ctx context.Context, tx *sql.Tx, p Phone, used credential.Credential, wrong error, by By) error {
	err := b.tellChange(ctx, tx, p.User, by, systemlog.Event{Type: systemlog.PhoneUnlock, Severity: systemlog.Warn, Message: "A phone was not unlocked",
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reasonOf(wrong)}, Detail: map[string]string{"id": p.ID}})
	if err != nil || !errors.Is(wrong, credential.ErrCounterBack) {
		return err
	}
	return b.suspend(ctx, tx, p.User, used, by)
}

// Lock ends the unlocked session of a phone. The error is ErrNoPhone, or the
// database's.
func (b *Book) Lock(ctx context.Context, token string) error {
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		p, err := b.FindPhone(ctx, tx, token, "")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE phones SET unlock_digest = '', unlocked_until = NULL WHERE factor_id = $1`, p.ID); err != nil {
			return fmt.Errorf("lock phone %s: %w", p.ID, err)
		}
		return nil
	})
}
