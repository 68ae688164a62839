package credential

import (
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// BeginPhone is what the browser of a phone is to be given to make its passkey
// (navigator.credentials.create), as JSON: of the phone itself, found without a
// login, and used with the phone's PIN or biometrics alone. A phone that has one
// of the holder's refuses.
func (p *Party) BeginPhone(h Holder) (options []byte, kept Ceremony, err error) {
	return p.begin(h, protocol.AuthenticatorSelection{AuthenticatorAttachment: protocol.Platform, RequireResidentKey: protocol.ResidentKeyRequired(),
		ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired})
}

// BeginKey is the same for a security key, which must verify the person or may.
func (p *Party) BeginKey(h Holder, verify bool) (options []byte, kept Ceremony, err error) {
	return p.begin(h, protocol.AuthenticatorSelection{AuthenticatorAttachment: protocol.CrossPlatform, RequireResidentKey: protocol.ResidentKeyNotRequired(),
		ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: verification(verify)})
}

func (p *Party) begin(h Holder, want protocol.AuthenticatorSelection) ([]byte, Ceremony, error) {
	if p == nil {
		return nil, nil, ErrNoParty
	}
	there := webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()
	options, data, err := p.browser.BeginRegistration(h, webauthn.WithAuthenticatorSelection(want), webauthn.WithExclusions(there),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	return begun(options, data, err)
}

func verification(required bool) protocol.UserVerificationRequirement {
	if required {
		return protocol.VerificationRequired
	}
	return protocol.VerificationPreferred
}

// Create takes the browser's answer to BeginPhone or BeginKey. Errors:
// ErrNoParty, ErrUnreadable, ErrOrigin, ErrParty, ErrNotVerified, ErrWrong.
func (p *Party) Create(h Holder, kept Ceremony, response []byte) (Credential, error) {
	if p == nil {
		return Credential{}, ErrNoParty
	}
	data, err := kept.data()
	if err != nil {
		return Credential{}, err
	}
	answer, err := parseCreation(response)
	if err != nil {
		return Credential{}, err
	}
	made, err := p.browser.CreateCredential(h, data, answer)
	if err != nil {
		return Credential{}, errors.Join(p.blame(p.browser, answer.Response.CollectedClientData, answer.Response.AttestationObject.AuthData, data.UserVerification), err)
	}
	return Credential{*made}, nil
}

// blame names what was wrong, as far as it is one of the things that people can
// put right.
func (p *Party) blame(at *webauthn.WebAuthn, said protocol.CollectedClientData, auth protocol.AuthenticatorData, want protocol.UserVerificationRequirement) error {
	switch {
	case !slices.Contains(at.Config.RPOrigins, said.Origin):
		return ErrOrigin
	case !slices.Equal(auth.RPIDHash, hashed(p.id)):
		return ErrParty
	case want == protocol.VerificationRequired && !auth.Flags.UserVerified():
		return ErrNotVerified
	}
	return ErrWrong
}

// parseCreation and parseAssertion read a browser's answers, bounded.
func parseCreation(response []byte) (*protocol.ParsedCredentialCreationData, error) {
	if len(response) > MaxAnswer {
		return nil, ErrUnreadable
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, errors.Join(ErrUnreadable, err)
	}
	return answer, nil
}

func parseAssertion(response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(response) > MaxAnswer {
		return nil, ErrUnreadable
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, errors.Join(ErrUnreadable, err)
	}
	return answer, nil
}
