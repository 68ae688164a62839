package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
)

// certificateOptions are the flags of certificate.
type certificateOptions struct {
	url, fingerprint, ca, challengeFile, name, state string
}

// certificateCommand obtains the certificate that an MDM's SCEP payload brings to a
// managed Mac.
func certificateCommand() *cobra.Command {
	o := &certificateOptions{}
	cmd := &cobra.Command{
		Use:   "certificate",
		Short: "Obtain the Device Access certificate over SCEP, on machines whose MDM does not",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return obtain(cmd, o) },
	}
	set := cmd.Flags()
	set.StringVar(&o.url, "scep-url", "", "address of the SCEP server (required)")
	set.StringVar(&o.fingerprint, "ca-fingerprint", "", "SHA-256 of the CA certificate in hexadecimal; may be left out with https")
	set.StringVar(&o.ca, "ca", "", "file of further root certificates (PEM) for https")
	set.StringVar(&o.challengeFile, "challenge-file", "", "file of the challenge; without it the challenge is asked for")
	set.StringVar(&o.name, "common-name", hostName(), "common name of the certificate")
	set.StringVar(&o.state, "state", places.State, "the daemon's state folder")
	return cmd
}

func hostName() string {
	name, _ := os.Hostname()
	return name
}

func obtain(cmd *cobra.Command, o *certificateOptions) error {
	if certificateElsewhere != "" {
		return errors.New(certificateElsewhere)
	}
	if o.url == "" {
		return errors.New("certificate needs --scep-url")
	}
	var roots *x509.CertPool
	if o.ca != "" {
		var err error
		if roots, err = checkin.LoadRoots(o.ca); err != nil {
			return failed("--ca takes a file of PEM certificates", err)
		}
	}
	challenge, err := readChallenge(cmd, o.challengeFile)
	if err != nil {
		return failed("an administrator makes one with `latchkey-server scep challenge create`", err)
	}
	identity.UseAES()
	folder := identity.Folder{Dir: identity.Below(o.state), Now: time.Now}
	certificate, err := folder.Enrol(cmd.Context(), identity.Enrolment{
		Authority:  identity.Authority{URL: o.url, Fingerprint: o.fingerprint, Roots: roots},
		Challenge:  challenge,
		CommonName: o.name,
	})
	if err != nil {
		return failed("a challenge works once and for a day; the server's log says why it refused", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "enrolled: certificate %s, valid until %s\n", certificate.SerialNumber, certificate.NotAfter.UTC().Format(time.RFC3339))
	return nil
}

func readChallenge(cmd *cobra.Command, file string) (identity.Challenge, error) {
	if file != "" {
		return identity.ReadChallenge(file)
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", errors.New("no terminal to ask for the challenge on, and no --challenge-file")
	}
	return identity.PromptChallenge(in, cmd.ErrOrStderr())
}
