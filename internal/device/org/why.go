package org

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// What a person reads beside a way that needs the org.
const (
	textLooking       = "Looking whether your organization can be reached…"
	textNoPolicy      = "This Mac does not know your organization yet."
	textNoCertificate = "This Mac has no certificate for your organization yet."
	textNoAnswer      = "Your organization cannot be reached from here. Check the network."
	textIntercepted   = "Your organization cannot be reached safely: something on this network poses as it, or reads along."
	textPortal        = "This network wants something first, such as a sign-in page of its own."
	textStatus        = "Your organization answers with an error (HTTP %d)."
	textRefused       = "Your organization, or this network, does not let this Mac through (HTTP %d)."
)

// why says for the person why the org is not online. The cause goes to the log.
func why(err error) string {
	var unreachable *directauth.Unreachable
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrNoCertificate):
		return textNoCertificate
	case intercepted(err):
		return textIntercepted
	case !errors.As(err, &unreachable):
		return textNoAnswer
	}
	switch unreachable.Kind {
	case directauth.BadTLS:
		return textIntercepted
	case directauth.Redirect, directauth.NotJSON:
		return textPortal
	case directauth.Status:
		return refusal(unreachable)
	}
	return textNoAnswer
}

// refusal is an answer that a server gave. The device listener's word that it
// does not take this Mac is one of them.
func refusal(err error) string {
	var answer *directauth.Error
	if !errors.As(err, &answer) {
		return textNoAnswer
	}
	if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden {
		return fmt.Sprintf(textRefused, answer.Status)
	}
	return fmt.Sprintf(textStatus, answer.Status)
}

// intercepted: who answered cannot show to be the org.
func intercepted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
