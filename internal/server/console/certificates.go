package console

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

// challengeRow is a SCEP challenge in a list.
type challengeRow struct {
	pki.Challenge
	State     string
	CanRevoke bool
}

func (c *Console) certificates(r *request) (view, error) { return c.certificatesWith(r, "") }

// certificatesWith shows the text of a challenge that was just made, once.
func (c *Console) certificatesWith(r *request, made string) (view, error) {
	manage := r.may(access.EnrolmentManage)
	rows := []challengeRow{}
	if manage {
		list, err := c.Desk.ListChallenges(r.ctx)
		if err != nil {
			return view{}, err
		}
		for _, ch := range list {
			state := challengeState(ch, c.Now())
			rows = append(rows, challengeRow{Challenge: ch, State: state, CanRevoke: state == "good"})
		}
	}
	issued, err := c.issued(r)
	if err != nil {
		return view{}, err
	}
	chains, err := c.chains(r)
	if err != nil {
		return view{}, err
	}
	return view{name: "certificates", title: "Device Access certificates", section: "certificates",
		data: map[string]any{"URL": c.PublicURL + "/scep", "API": c.PublicURL + "/api/v1/latchkey/scep-challenges", "Made": made, "CanManage": manage, "Challenges": rows, "Issued": issued, "Chains": chains}}, nil
}

func challengeState(ch pki.Challenge, now time.Time) string {
	switch {
	case !ch.RevokedAt.IsZero():
		return "revoked " + day(ch.RevokedAt)
	case !ch.UsedAt.IsZero() && ch.Kind == pki.Dynamic:
		return "used " + day(ch.UsedAt)
	case !ch.ExpiresAt.IsZero() && !now.Before(ch.ExpiresAt):
		return "expired " + day(ch.ExpiresAt)
	}
	return "good"
}

func (c *Console) makeChallenge(r *request) (view, error) {
	_, text, err := c.Desk.CreateChallenge(r.ctx, r.PostFormValue("kind"), r.PostFormValue("serial"))
	if err != nil {
		return view{}, err
	}
	return c.certificatesWith(r, text)
}

func (c *Console) revokeChallenge(r *request) (view, error) {
	if err := c.Desk.RevokeChallenge(r.ctx, r.PathValue("challengeId")); err != nil {
		return view{}, err
	}
	return redirect("/certificates?told=revoked"), nil
}

// issuedList is the certificates that were issued, or those of a filter.
type issuedList struct {
	Filters []section
	Rows    []certificateRow
	Next    string
}

// certificateRow is a certificate in a list.
type certificateRow struct {
	desk.Certificate
	State     tag
	Use       string // what the Mac does with it
	CanRevoke bool
}

// issued is nil for who may not see Macs.
func (c *Console) issued(r *request) (*issuedList, error) {
	if !r.may(access.DevicesRead) {
		return nil, nil
	}
	filter := pki.Filter(cmp.Or(r.URL.Query().Get("filter"), string(pki.OnlyAll)))
	found, err := c.Desk.Certificates(r.ctx, filter, directory.Page{After: r.URL.Query().Get("after"), Limit: pageSize + 1})
	if err != nil {
		return nil, err
	}
	list := &issuedList{Filters: certificateFilters(filter)}
	if len(found) > pageSize {
		found = found[:pageSize]
		list.Next = "/certificates?" + url.Values{"filter": {string(filter)}, "after": {found[pageSize-1].Fingerprint}}.Encode() + "#issued"
	}
	for _, f := range found {
		list.Rows = append(list.Rows, certificateRow{Certificate: f, State: certificateState(f.State(c.Now())), Use: use(f),
			CanRevoke: f.RevokedAt.IsZero() && r.may(access.EnrolmentManage)})
	}
	return list, nil
}

func certificateFilters(here pki.Filter) (out []section) {
	for _, f := range []struct {
		filter pki.Filter
		name   string
	}{{pki.OnlyAll, "All"}, {pki.OnlyExpiring, "Expiring within 30 days"}, {pki.OnlyRevoked, "Revoked"}} {
		out = append(out, section{Name: f.name, Path: "/certificates?filter=" + string(f.filter) + "#issued", Here: f.filter == here})
	}
	return out
}

func certificateState(s pki.State) tag {
	return tag{string(s), map[pki.State]string{pki.Good: "good", pki.Expiring: "warn", pki.Expired: "bad", pki.Revoked: "bad"}[s]}
}

// use says what a certificate is to its Mac.
func use(c desk.Certificate) string {
	switch {
	case c.DeviceID == "":
		return "no check-in yet"
	case c.Mac.ID == "":
		return "the Mac was deleted"
	case c.Fingerprint == c.Mac.Certificate:
		return "in use"
	case c.Fingerprint == c.Mac.Claim:
		return "waits to be confirmed"
	}
	return "replaced"
}

func (c *Console) revokeCertificate(r *request) (view, error) {
	if err := c.Desk.RevokeCertificate(r.ctx, r.PathValue("fingerprint")); err != nil {
		return view{}, err
	}
	return redirect("/certificates?told=revoked"), nil
}

// chainRow is an authority of the org's own in a list.
type chainRow struct {
	pki.Chain
	Authorities []authorityRow
}

// authorityRow is one certificate of it.
type authorityRow struct {
	Subject, Fingerprint string
	NotAfter             time.Time
	State                tag
}

func (c *Console) chains(r *request) (rows []chainRow, err error) {
	found, err := c.Desk.Chains(r.ctx)
	for _, chain := range found {
		row := chainRow{Chain: chain}
		for _, cert := range chain.Certificates {
			row.Authorities = append(row.Authorities, authorityRow{Subject: pki.Subject(cert), Fingerprint: pki.Fingerprint(cert), NotAfter: cert.NotAfter,
				State: certificateState(pki.Issued{NotAfter: cert.NotAfter}.State(c.Now()))})
		}
		rows = append(rows, row)
	}
	return rows, err
}

// addChain takes a file, or what was pasted.
func (c *Console) addChain(r *request) (view, error) {
	raw, err := uploaded(r)
	if err != nil {
		return view{}, err
	}
	if _, err := c.Desk.AddChain(r.ctx, raw); err != nil {
		return view{}, err
	}
	return redirect("/certificates?told=added"), nil
}

// uploaded is what came in the form's file, or else in its text. It is kept in
// memory: a form has maxForm bytes at the most.
func uploaded(r *request) ([]byte, error) {
	file, _, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return []byte(r.PostFormValue("chain")), nil
	}
	if err != nil {
		return nil, errForm()
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxForm))
	if err != nil {
		return nil, errForm()
	}
	return raw, nil
}

func (c *Console) removeChain(r *request) (view, error) {
	if err := c.Desk.RemoveChain(r.ctx, r.PathValue("chainId")); err != nil {
		return view{}, err
	}
	return redirect("/certificates?told=removed"), nil
}
