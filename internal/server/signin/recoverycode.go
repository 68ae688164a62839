package signin

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Recovery codes: as many as are made at a time, and the letters and digits of
// each, of 5 random bits.
const (
	RecoveryCodes  = 10
	recoveryLength = 12
	maxTyped       = 64
)

// replaceRecoveryCodes makes new ones, in the place of all others.
func (s *Service) replaceRecoveryCodes(ctx context.Context, tx *sql.Tx, admin string) ([]Secret, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM admin_recovery_codes WHERE admin_id = $1`, admin); err != nil {
		return nil, fmt.Errorf("void the recovery codes of administrator %s: %w", admin, err)
	}
	codes := make([]Secret, 0, RecoveryCodes)
	for range RecoveryCodes {
		code := rand.Text()[:recoveryLength]
		if _, err := tx.ExecContext(ctx, `INSERT INTO admin_recovery_codes (admin_id, digest) VALUES ($1, $2)`, admin, s.digest(digestRecovery, admin, code)); err != nil {
			return nil, fmt.Errorf("store the recovery codes of administrator %s: %w", admin, err)
		}
		codes = append(codes, Secret{code[:4] + "-" + code[4:8] + "-" + code[8:]})
	}
	return codes, nil
}

// parseRecoveryCode reads a code as it is typed: in any case, with spaces and
// hyphens or without, and with digits for the letters that they look like, as
// 0, 1 and 8 stand in no code.
func parseRecoveryCode(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", ErrNotACode
	}
	code := strings.NewReplacer(" ", "", "-", "", "0", "O", "1", "I", "8", "B").Replace(strings.ToUpper(typed))
	if len(code) != recoveryLength || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return "", ErrNotACode
	}
	return code, nil
}

// byRecoveryCode is a recovery code. It is used up with what comes of it.
func (s *Service) byRecoveryCode(ctx context.Context, typed string) factor {
	code, err := parseRecoveryCode(typed)
	if err != nil {
		return factor{malformed: err}
	}
	return factor{use: func(tx *sql.Tx, h held) error {
		done, err := tx.ExecContext(ctx, `UPDATE admin_recovery_codes SET used_at = $3 WHERE admin_id = $1 AND digest = $2 AND used_at IS NULL`,
			h.Admin.ID, s.digest(digestRecovery, h.Admin.ID, code), store.Micros(s.now()))
		if err != nil {
			return fmt.Errorf("use a recovery code: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errorOr(err, refuse(reasonWrong))
		}
		return nil
	}}
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
