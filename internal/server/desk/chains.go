package desk

import (
	"context"
	"database/sql"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Chains are the authorities of the org's own whose Device Access certificates
// are taken, the oldest first.
func (k *Desk) Chains(ctx context.Context) (found []pki.Chain, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		found, err = pki.Chains(ctx, tx)
		return err
	})
	return found, err
}

// AddChain has the certificates of an authority be trusted, from the next
// handshake on; raw is PEM. Errors: *InvalidError, with nothing of what was
// given in it but the subject of a certificate.
func (k *Desk) AddChain(ctx context.Context, raw []byte) (made pki.Chain, err error) {
	err = k.update(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		var refused *pki.ChainError
		made, err = pki.AddChain(ctx, tx, raw, access.CallerOf(ctx).Login, k.Now())
		if errors.As(err, &refused) {
			return invalid("chain", "%s", refused.Problem)
		}
		if err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.OwnCACreate, Message: "Device Access CA of the org trusted", Targets: chainTargets(made)})
	})
	return made, err
}

// RemoveChain ends the trust in an authority: Macs with a certificate of it
// cannot check in any more. Errors: pki.ErrUnknownChain.
func (k *Desk) RemoveChain(ctx context.Context, id string) error {
	return k.update(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		gone, err := pki.RemoveChain(ctx, tx, id)
		if err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.OwnCADelete, Message: "Device Access CA of the org removed", Targets: chainTargets(gone)})
	})
}

func chainTargets(c pki.Chain) (targets []systemlog.Target) {
	for _, cert := range c.Certificates {
		targets = append(targets, systemlog.Target{ID: pki.Fingerprint(cert), Type: "Certificate", DisplayName: pki.Subject(cert)})
	}
	return targets
}
