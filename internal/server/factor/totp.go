package factor

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// TryTOTP takes a code of an app, once. mfa is the token that a password was
// answered with, which is used up, or "" where the code comes first. Errors:
// ErrNotACode (no try), ErrRefused, ErrExpired of the token, *WaitError, or the
// database's.
func (b *Book) TryTOTP(ctx context.Context, s Subject, typed, mfa string, a Asker) error {
	code, err := totp.ParseCode(typed)
	if err != nil {
		return ErrNotACode
	}
	t, err := b.count(ctx, s, KindTOTP)
	if err != nil {
		return err
	}
	right := false
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		u, active, err := b.active(ctx, tx, s)
		if err != nil {
			return err
		}
		if right, err = b.match(ctx, tx, u, code); err != nil {
			return err
		}
		if right = right && active; !right {
			return b.missed(ctx, tx, u, a, t, failed(KindTOTP, why(u, active)))
		}
		if err := b.spend(ctx, tx, mfa, u, a); err != nil {
			return err
		}
		if err := b.pardon(ctx, tx, t); err != nil {
			return err
		}
		return b.tell(ctx, tx, u, a, passed(KindTOTP))
	})
	if err == nil && !right {
		return ErrRefused
	}
	return err
}

// match compares with every app of the user, or with none at the same cost, and
// keeps the step that matched: no code is good twice, also not one of a user
// who may not sign in.
func (b *Book) match(ctx context.Context, tx *sql.Tx, u directory.User, code string) (right bool, err error) {
	factors, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return false, err
	}
	if !has(factors, KindTOTP) {
		return false, b.pretend(code)
	}
	for _, h := range factors {
		if h.Kind != KindTOTP || !h.Confirmed {
			continue
		}
		k, err := b.key(u.ID, h)
		if err != nil {
			return false, err
		}
		if step, ok := k.Match(code, b.Now(), drift, h.step); ok {
			right = true
			if err := b.used(ctx, tx, h.ID, step); err != nil {
				return false, err
			}
		}
	}
	return right, nil
}

// pretend does for nobody what is done for somebody.
func (b *Book) pretend(code string) error {
	k, err := totp.KeyFrom(make([]byte, totp.KeySize))
	if err == nil {
		k.Match(code, b.Now(), drift, 0)
	}
	return err
}

func (b *Book) used(ctx context.Context, tx *sql.Tx, id string, step uint64) error {
	_, err := tx.ExecContext(ctx, `UPDATE user_factors SET step = $2, used_at = $3 WHERE id = $1`, id, int64(step), store.Micros(b.Now()))
	if err != nil {
		return fmt.Errorf("keep the step of factor %s: %w", id, err)
	}
	return nil
}
