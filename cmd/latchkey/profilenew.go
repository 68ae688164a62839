package main

import (
	"bufio"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/profile"
)

// newOptions are the flags of profile new.
type newOptions struct {
	mdm, from, out                                           string
	orgURL, clientID, adminEmail, secretFile                 string
	set, with                                                []string
	organization, name                                       string
	onlyCompanions                                           bool
	scepKind, scepURL, scepChallenge, scepVariable, scepName string
	scepFingerprint, signCert, signKey                       string
}

func profileNewCommand() *cobra.Command {
	o := &newOptions{}
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make the profile that a console takes; asks on a terminal for what is missing",
		Long: "Make the profile that a console takes: a property list for Jamf Pro, a <dict> for Workspace ONE, a configuration profile\n" +
			"for the others. On a terminal it asks for what is missing. UUIDs are made from org URL, client id, name and kind\n" +
			"of payload, so that the same input makes the same ones. The file has mode 0600: the client secret is in it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return newProfile(cmd, o) },
	}
	set := cmd.Flags()
	set.StringVar(&o.mdm, "mdm", "", "jamf, workspace-one, kandji, intune, or mobileconfig for any other")
	set.StringVar(&o.from, "from", "", "YAML file with the answers; flags win over it")
	set.StringVar(&o.out, "out", "", "file to write; - is standard output (without it: desktop-mfa, named for the MDM)")
	set.StringVar(&o.orgURL, "org-url", "", "DMFAOrgURL: the org, with https://")
	set.StringVar(&o.clientID, "client-id", "", "DMFAClientID")
	set.StringVar(&o.secretFile, "secret-file", "", "file with the client secret")
	set.StringVar(&o.adminEmail, "admin-email", "", "AdminEmail")
	set.StringArrayVar(&o.set, "set", nil, "any other setting, as KEY=VALUE; commas between names; may be repeated")
	set.StringVar(&o.organization, "organization", "", "name of your organization, in the profile")
	set.StringVar(&o.name, "name", "", "name of the profile (without it: Desktop MFA)")
	set.StringSliceVar(&o.with, "with", nil, "companion payloads: scep, service-management, login-window")
	set.BoolVar(&o.onlyCompanions, "only-companions", false, "companion payloads alone, for consoles that take the settings in another form")
	set.StringVar(&o.scepKind, "scep-kind", string(profile.Static), "static, dynamic or delegated")
	set.StringVar(&o.scepURL, "scep-url", "", "address of the SCEP server")
	set.StringVar(&o.scepChallenge, "scep-challenge-file", "", "static: file with the challenge")
	set.StringVar(&o.scepVariable, "scep-challenge-variable", "", "dynamic: what the MDM puts the challenge in place of")
	set.StringVar(&o.scepName, "scep-common-name", "", "common name: the variable that your MDM has for the serial number")
	set.StringVar(&o.scepFingerprint, "scep-ca-fingerprint", "", "digest of the CA certificate in hexadecimal")
	set.StringVar(&o.signCert, "sign-cert", "", "PEM file of the certificate to sign with, and those above it")
	set.StringVar(&o.signKey, "sign-key", "", "PEM file of its key")
	return cmd
}

const newHint = "`latchkey profile new --help` lists what it takes; docs/profile.md has examples"

func newProfile(cmd *cobra.Command, o *newOptions) error {
	answers, err := o.answers()
	if err != nil {
		return failed(newHint, err)
	}
	if err := o.complete(cmd, &answers); err != nil {
		return err
	}
	r := profile.Request{For: answers.MDM, Settings: answers.Settings, Organization: answers.Organization, Name: answers.Name, OnlyCompanions: o.onlyCompanions}
	if err := o.companions(&r); err != nil {
		return err
	}
	made, err := profile.New(r)
	switch {
	case errors.Is(err, profile.ErrCompanions):
		return usage("this console takes one payload at a time: make the companions with --mdm mobileconfig --only-companions", "%w", err)
	case err != nil:
		return failed(newHint, err)
	}
	if made, err = o.sign(answers.MDM, made); err != nil {
		return err
	}
	return o.deliver(cmd, answers.MDM, made)
}

// answers are those of the YAML file, with what the flags say over them.
func (o *newOptions) answers() (profile.Answers, error) {
	a := profile.Answers{Settings: profile.Settings{}}
	if o.from != "" {
		raw, err := readSmall(o.from)
		if err != nil {
			return a, err
		}
		if a, err = profile.ReadAnswers(raw); err != nil {
			return a, fmt.Errorf("%s: %w", o.from, err)
		}
		if a.SecretFile != "" && !filepath.IsAbs(a.SecretFile) {
			a.SecretFile = filepath.Join(filepath.Dir(o.from), a.SecretFile)
		}
	}
	for _, pair := range o.set {
		key, value, is := strings.Cut(pair, "=")
		if !is {
			return a, errors.New("--set takes KEY=VALUE")
		}
		if err := a.Settings.Set(key, value); err != nil {
			return a, err
		}
	}
	for key, value := range map[string]string{"DMFAOrgURL": o.orgURL, "DMFAClientID": o.clientID, "AdminEmail": o.adminEmail} {
		if value != "" {
			if err := a.Settings.Set(key, value); err != nil {
				return a, err
			}
		}
	}
	for _, f := range []struct{ flag, field *string }{{&o.organization, &a.Organization}, {&o.name, &a.Name}, {&o.secretFile, &a.SecretFile}} {
		if *f.flag != "" {
			*f.field = *f.flag
		}
	}
	if o.mdm != "" {
		var err error
		a.MDM, err = profile.ParseMDM(o.mdm)
		return a, err
	}
	return a, nil
}

// readSmall reads a file of answers, a secret or a challenge.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 1 << 19
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(raw) > most {
		err = fmt.Errorf("%s is too large for what it is for", name)
	}
	return raw, err
}

// question is asked on a terminal when there is no answer.
type question struct{ key, flag, text string }

func questions() []question {
	return []question{
		{"DMFAOrgURL", "--org-url", "Org URL, with https://"},
		{"DMFAClientID", "--client-id", "Client ID of the Desktop MFA application"},
		{"AdminEmail", "", "E-mail address under Contact admin (empty for none)"},
	}
}

// complete reads the secret, and asks for what is missing.
func (o *newOptions) complete(cmd *cobra.Command, a *profile.Answers) error {
	in, isFile := cmd.InOrStdin().(*os.File)
	terminal := isFile && term.IsTerminal(int(in.Fd()))
	lines := bufio.NewReader(cmd.InOrStdin())
	var missing []string
	if a.MDM == "" && terminal {
		answer, err := prompt(cmd, lines, "MDM (jamf, workspace-one, kandji, intune, mobileconfig)")
		if err != nil {
			return err
		}
		if a.MDM, err = profile.ParseMDM(answer); err != nil {
			return failed(newHint, err)
		}
	}
	if a.MDM == "" {
		missing = append(missing, "--mdm")
	}
	if o.onlyCompanions {
		return incomplete(missing)
	}
	for _, q := range questions() {
		if _, there := a.Settings[q.key]; there {
			continue
		}
		if !terminal {
			if q.flag != "" {
				missing = append(missing, q.flag)
			}
			continue
		}
		answer, err := prompt(cmd, lines, q.text)
		if err != nil {
			return err
		}
		if answer != "" {
			if err := a.Settings.Set(q.key, answer); err != nil {
				return failed(newHint, err)
			}
		}
	}
	if a.SecretFile == "" && !terminal {
		missing = append(missing, "--secret-file")
	}
	if err := incomplete(missing); err != nil {
		return err
	}
	return readSecret(cmd, in, a)
}

func incomplete(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return usage("give them, or a YAML file with --from, or start it on a terminal, where it asks", "profile new needs %s", strings.Join(missing, ", "))
}

func prompt(cmd *cobra.Command, in *bufio.Reader, text string) (string, error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", text)
	line, err := in.ReadString('\n')
	if err != nil {
		return "", failed("answer what is asked", errors.New("the input has ended before the end"))
	}
	return strings.TrimSpace(line), nil
}

func readSecret(cmd *cobra.Command, in *os.File, a *profile.Answers) error {
	var raw []byte
	var err error
	if a.SecretFile != "" {
		raw, err = readSmall(a.SecretFile)
	} else {
		fmt.Fprint(cmd.ErrOrStderr(), "Client secret (not shown): ")
		raw, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	if err != nil {
		return failed("--secret-file takes a file with the client secret alone", fmt.Errorf("read the client secret: %w", err))
	}
	a.Settings.SetSecret(policy.Secret(raw))
	return nil
}

// companions takes --with and what belongs to it.
func (o *newOptions) companions(r *profile.Request) error {
	for _, w := range o.with {
		if !slices.Contains([]string{"scep", "service-management", "login-window"}, w) {
			return usage("--with takes scep, service-management and login-window", "no companion %q", w)
		}
	}
	r.ServiceManagement = slices.Contains(o.with, "service-management")
	r.LoginWindow = slices.Contains(o.with, "login-window")
	if !slices.Contains(o.with, "scep") {
		return nil
	}
	r.SCEP = &profile.SCEP{Kind: profile.SCEPKind(o.scepKind), URL: o.scepURL, Variable: o.scepVariable, CommonName: o.scepName, Fingerprint: o.scepFingerprint}
	if o.scepChallenge != "" {
		raw, err := readSmall(o.scepChallenge)
		if err != nil {
			return failed("--scep-challenge-file takes a file with the challenge alone", fmt.Errorf("read the challenge: %w", err))
		}
		r.SCEP.Challenge = policy.Secret(raw)
	}
	return nil
}

func (o *newOptions) sign(m profile.MDM, made []byte) ([]byte, error) {
	switch {
	case o.signCert == "" && o.signKey == "":
		return made, nil
	case o.signCert == "" || o.signKey == "":
		return nil, usage("they go together", "--sign-cert without --sign-key, or the other way round")
	case m.Shape() != profile.MobileConfig:
		return nil, usage("leave --sign-cert and --sign-key out", "%s takes what cannot be signed", m)
	}
	chain, key, err := signingIdentity(o.signCert, o.signKey)
	if err != nil {
		return nil, failed("--sign-cert and --sign-key take PEM files that belong together", err)
	}
	signed, err := profile.Sign(made, chain, key)
	if err != nil {
		return nil, failed("an RSA or ECDSA key is needed", err)
	}
	return signed, nil
}

// signingIdentity reads a certificate with those above it, and its key.
func signingIdentity(certificate, key string) ([]*x509.Certificate, crypto.Signer, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, nil, fmt.Errorf("read the identity to sign with: %w", err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("the key to sign with cannot sign")
	}
	var chain []*x509.Certificate
	for _, raw := range pair.Certificate {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("read the certificate to sign with: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, signer, nil
}

// deliver writes the file that the MDM takes.
func (o *newOptions) deliver(cmd *cobra.Command, m profile.MDM, made []byte) error {
	if o.out == "-" {
		_, err := cmd.OutOrStdout().Write(made)
		return err
	}
	name := o.out
	if name == "" {
		name = "desktop-mfa-" + string(m) + extension(m.Shape())
	}
	if err := replaceFile(name, made, 0o600); err != nil {
		return failed("--out names the file to write", fmt.Errorf("write the profile: %w", err))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "wrote %s, %s for %s\n", name, m.Shape().Describe(), m)
	return nil
}

func extension(s profile.Shape) string {
	return map[profile.Shape]string{profile.List: ".plist", profile.Fragment: ".xml", profile.MobileConfig: ".mobileconfig"}[s]
}
