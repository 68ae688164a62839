package main

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// ssoOptions are the flags of serve about the OpenID provider of administrators.
type ssoOptions struct {
	issuer, clientID        string
	secretFile, caFile      string
	groupsClaim, loginClaim string
	roles                   []string
	secondFactor, scopes    []string
}

func (o *ssoOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.issuer, "sso-issuer", "", "OpenID provider that administrators sign in at, as its tokens name it (default: none, local accounts alone)")
	f.StringVar(&o.clientID, "sso-client-id", "", "this server's client id there")
	f.StringVar(&o.secretFile, "sso-client-secret-file", "", "file, mode 0600, whose one line is the client secret (default: none, a public client)")
	f.StringVar(&o.groupsClaim, "sso-groups-claim", "groups", "claim of the ID token that holds somebody's groups")
	f.StringVar(&o.loginClaim, "sso-login-claim", "preferred_username", "claim of the ID token that is somebody's login in the log; one that people cannot change themselves")
	f.StringSliceVar(&o.roles, "sso-role", nil, "role of a group at the provider, as GROUP=ROLE, or GROUP=ROLE@USERS;USERS for the users in these groups alone; the first that fits counts")
	f.StringSliceVar(&o.secondFactor, "sso-second-factor", []string{"mfa"}, "values of which the token's amr or acr must have one; trust-provider: its own rules are enough")
	f.StringSliceVar(&o.scopes, "sso-scope", nil, "scopes to ask for beside openid, profile and email")
	f.StringVar(&o.caFile, "sso-ca", "", "PEM file of the roots that the provider is checked against (default: the system's)")
	twinned(f, "sso-issuer", "sso-client-id", "sso-client-secret-file", "sso-groups-claim", "sso-login-claim", "sso-role", "sso-second-factor", "sso-scope", "sso-ca")
}

// ssoHint is where the flags are told of.
const ssoHint = "docs/operations.md#single-sign-on has examples"

// ssoFlag is the flag that a field of the configuration comes from.
func ssoFlag(field string) string {
	return map[string]string{"Issuer": "--sso-issuer", "ClientID": "--sso-client-id", "GroupsClaim": "--sso-groups-claim", "LoginClaim": "--sso-login-claim",
		"Rules": "--sso-role", "SecondFactor": "--sso-second-factor", "Scopes": "--sso-scope"}[field]
}

// without is an error where something is set for no provider.
func (o ssoOptions) without() error {
	for _, set := range []struct {
		name string
		is   bool
	}{{"--sso-client-id", o.clientID != ""}, {"--sso-client-secret-file", o.secretFile != ""}, {"--sso-role", len(o.roles) > 0}, {"--sso-ca", o.caFile != ""}} {
		if set.is {
			return usage(fmt.Errorf("%s is set, but --sso-issuer is not", set.name), ssoHint)
		}
	}
	return nil
}

// provider is what the flags say; nil for none. It asks nobody: a provider that
// is away must not keep the server from starting.
func (d *data) provider(o ssoOptions, publicURL string) (*federation.Provider, error) {
	if o.issuer == "" {
		return nil, o.without()
	}
	rules, err := federation.ParseRules(o.roles)
	if err != nil {
		return nil, usage(fmt.Errorf("--sso-role: %w", err), ssoHint)
	}
	secret := ""
	if o.secretFile != "" {
		if secret, err = privateLine(o.secretFile, "the client secret of single sign-on", "it holds the secret as its one line"); err != nil {
			return nil, fmt.Errorf("--sso-client-secret-file: %w", err)
		}
	}
	var roots *x509.CertPool
	if o.caFile != "" {
		if roots, err = readRoots(o.caFile); err != nil {
			return nil, failed(fmt.Errorf("--sso-ca: %w", err), "it holds certificates in PEM")
		}
	}
	p, err := federation.New(federation.Config{Issuer: o.issuer, ClientID: o.clientID, ClientSecret: secret, GroupsClaim: o.groupsClaim, LoginClaim: o.loginClaim, Rules: rules,
		SecondFactor: o.secondFactor, Scopes: o.scopes, PublicURL: publicURL, Roots: roots, DB: d.db, Vault: d.vault, Now: d.now})
	var field *federation.FieldError
	if errors.As(err, &field) {
		return nil, usage(fmt.Errorf("%s %s", ssoFlag(field.Field), field.Problem), ssoHint)
	}
	return p, err
}

// greet looks once whether the provider answers and whether the roles are there,
// and says in the log what is not. Sign-ins find out by themselves.
func (d *data) greet(p *federation.Provider, log *zap.Logger) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if err := p.Reach(ctx); err != nil && ctx.Err() == nil {
			log.Warn("single sign-on: the provider does not answer; it is asked again at each sign-in", zap.String("issuer", p.Issuer), zap.Error(err))
		}
		missing, err := d.missingRoles(ctx, p.Rules)
		if err != nil && ctx.Err() == nil {
			log.Warn("single sign-on: look for the custom roles of --sso-role", zap.Error(err))
		}
		if len(missing) > 0 {
			log.Warn("single sign-on: --sso-role names custom roles that are not there; who would have them is refused", zap.Any("roles", missing))
		}
		return nil
	}
}

func (d *data) missingRoles(ctx context.Context, rules []federation.Rule) (missing []access.Role, err error) {
	err = d.db.View(ctx, func(tx *sql.Tx) error {
		for _, r := range rules {
			_, err := access.NamedRole(ctx, tx, string(r.Role))
			if err != nil && !errors.Is(err, access.ErrValue) {
				return err
			}
			if err != nil && !slices.Contains(missing, r.Role) {
				missing = append(missing, r.Role)
			}
		}
		return nil
	})
	return missing, err
}
