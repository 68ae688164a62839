package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// publicURLFact is the name under which the server keeps the URL that it was
// started with last, for the commands beside it.
const publicURLFact = "public_url"

// factorInvite makes a link. It goes to standard output alone, and no command
// shows it again.
func (p *program) factorInvite() *cobra.Command {
	var kind string
	cmd := p.localJSON(&cobra.Command{Use: "invite LOGIN", Short: "Invite a user to set up a phone or a security key: a link that works once, within a day", Args: cobra.ExactArgs(1)})
	cmd.Flags().StringVar(&kind, "kind", factor.KindPush, "push for a phone, webauthn for a security key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var i factor.Invitation
		var link string
		err := p.withFactors(cmd, args[0], func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
			public, err := directory.Recall(ctx, tx, publicURLFact)
			if errors.Is(err, directory.ErrNotFound) {
				return failed(errors.New("it is not known where browsers reach the server"), "start it once: latchkey-server serve --public-url https://mfa.example.com")
			}
			if err != nil {
				return err
			}
			if b.Party, err = credential.NewParty(public); err != nil {
				return err
			}
			made, code, err := b.Invite(ctx, tx, u, kind, machine())
			i, link = made, factor.InvitationURL(public, code)
			return err
		})
		if err != nil {
			return err
		}
		return p.showInvitation(i, link)
	}
	return cmd
}

func (p *program) showInvitation(i factor.Invitation, link string) error {
	if p.asJSON {
		return p.printJSON(struct {
			ID        string    `json:"id"`
			Kind      string    `json:"kind"`
			Link      string    `json:"link"`
			ExpiresAt time.Time `json:"expiresAt"`
		}{i.ID, i.Kind, link, i.ExpiresAt})
	}
	fmt.Fprintf(p.out, "%s\nid: %s\nworks once, until: %s\n%s\n", strings.Join(qrcode.Lines(link, qrcode.QuietSmall, false), "\n"), i.ID, i.ExpiresAt.Format(time.RFC3339), link)
	return nil
}
