package profile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// SCEPKind is who knows the challenge of a certificate request.
type SCEPKind string

// The kinds.
const (
	Static    SCEPKind = "static"    // one challenge for all Macs, in the profile
	Dynamic   SCEPKind = "dynamic"   // the MDM puts a fresh one into each Mac's profile
	Delegated SCEPKind = "delegated" // none: the MDM answers for its own Macs
)

// SCEP is the payload that brings the Device Access certificate.
type SCEP struct {
	Kind        SCEPKind
	URL         string
	Challenge   policy.Secret // of Static
	Variable    string        // of Dynamic: what the MDM puts the challenge in place of
	CommonName  string        // a text or a variable of the MDM
	Fingerprint string        // of the CA certificate, in hexadecimal; may be empty
}

func (s SCEP) check() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the SCEP payload needs the address of the SCEP server")
	case strings.TrimSpace(s.CommonName) == "":
		return errors.New("the SCEP payload needs a common name, such as the variable that your MDM has for the serial number")
	case s.Kind == Static && s.Challenge.Reveal() == "":
		return errors.New("a static SCEP payload needs the challenge")
	case s.Kind == Dynamic && s.Variable == "":
		return errors.New("a dynamic SCEP payload needs the variable that the MDM fills in with the challenge")
	case s.Kind != Static && s.Kind != Dynamic && s.Kind != Delegated:
		return fmt.Errorf("%s is no kind of SCEP: static, dynamic or delegated", quoted(string(s.Kind)))
	}
	return nil
}

// payload is com.apple.security.scep, with an RSA key that signs and
// deciphers, stays in the keychain, and is asked for once more after a failure.
func (s SCEP) payload() (plist.Value, error) {
	if err := s.check(); err != nil {
		return plist.Value{}, err
	}
	content := dict(
		entry("AllowAllAppsAccess", truth(false)),
		entry("Key Type", textValue("RSA")),
		entry("Key Usage", plist.WholeNumber(false, 5)),
		entry("KeyIsExtractable", truth(false)),
		entry("Keysize", plist.WholeNumber(false, 2048)),
		entry("Retries", plist.WholeNumber(false, 3)),
		entry("RetryDelay", plist.WholeNumber(false, 10)),
		entry("Subject", array(array(array(textValue("CN"), textValue(s.CommonName))))),
		entry("URL", textValue(s.URL)),
	)
	switch s.Kind {
	case Static:
		content.Entries = append(content.Entries, entry("Challenge", textValue(strings.TrimSpace(s.Challenge.Reveal()))))
	case Dynamic:
		content.Entries = append(content.Entries, entry("Challenge", textValue(s.Variable)))
	}
	if s.Fingerprint != "" {
		raw, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(s.Fingerprint))
		if err != nil || len(raw) < 16 || len(raw) > 64 {
			return plist.Value{}, errors.New("the fingerprint of the CA certificate is no hexadecimal digest")
		}
		content.Entries = append(content.Entries, entry("CAFingerprint", plist.Value{Kind: plist.Data, Bytes: raw}))
	}
	return dict(
		entry("PayloadType", textValue("com.apple.security.scep")),
		entry("PayloadDisplayName", textValue("Device Access certificate")),
		entry("PayloadContent", content),
	), nil
}

// serviceManagement keeps people from turning the daemon off under Login Items.
func serviceManagement() plist.Value {
	rule := dict(
		entry("RuleType", textValue("LabelPrefix")),
		entry("RuleValue", textValue("dev.latchkey.")),
		entry("Comment", textValue("Latchkey's daemon and agent")),
	)
	return dict(
		entry("PayloadType", textValue("com.apple.servicemanagement")),
		entry("PayloadDisplayName", textValue("Latchkey in the background")),
		entry("Rules", array(rule)),
	)
}

// loginWindow closes the ways round the login window: ">console" as a user's
// name, and fast user switching.
func loginWindow() []plist.Value {
	switching := dict(entry("mcx_preference_settings", dict(entry("MultipleSessionEnabled", truth(false)))))
	return []plist.Value{
		dict(
			entry("PayloadType", textValue("com.apple.loginwindow")),
			entry("PayloadDisplayName", textValue("No console login")),
			entry("DisableConsoleAccess", truth(true)),
		),
		dict(
			entry("PayloadType", textValue(managedClient)),
			entry("PayloadDisplayName", textValue("No fast user switching")),
			entry("PayloadContent", dict(entry(".GlobalPreferences", dict(entry("Forced", array(switching)))))),
		),
	}
}

func (r Request) companions() (out []plist.Value, err error) {
	if r.SCEP != nil {
		v, err := r.SCEP.payload()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if r.ServiceManagement {
		out = append(out, serviceManagement())
	}
	if r.LoginWindow {
		out = append(out, loginWindow()...)
	}
	return out, nil
}
