package macos

import (
	"errors"
	"fmt"
)

const (
	systemKeychain = "/Library/Keychains/System.keychain"
	systemDomain   = 1 // kSecPreferencesDomainSystem
	unlocked       = 1 // kSecUnlockStateStatus
	askNobody      = false
)

// security is Security.framework.
type security struct {
	*foundation
	setDomain      func(domain int32) int32
	allowQuestions func(allow bool) int32
	openKeychain   func(path string, keychain *uintptr) int32
	keychainStatus func(keychain uintptr, status *uint32) int32
	domainDefault  func(domain int32, keychain *uintptr) int32
	keychainPath   func(keychain uintptr, size *uint32, path *byte) int32
	copyMatching   func(query uintptr, found *uintptr) int32
	certificateOf  func(identity uintptr, certificate *uintptr) int32
	keyOf          func(identity uintptr, key *uintptr) int32
	certificateDER func(certificate uintptr) uintptr
	sign           func(key, algorithm, digest uintptr, failed *uintptr) uintptr

	name map[string]uintptr // constants
}

func openSecurity() (*security, error) {
	f, err := openFoundation()
	if err != nil {
		return nil, err
	}
	lib, err := openLibrary(frameworks + "Security.framework/Security")
	if err != nil {
		return nil, err
	}
	s := &security{foundation: f}
	err = lib.bind(map[string]any{
		"SecKeychainSetPreferenceDomain": &s.setDomain, "SecKeychainSetUserInteractionAllowed": &s.allowQuestions,
		"SecKeychainOpen": &s.openKeychain, "SecKeychainGetStatus": &s.keychainStatus,
		"SecKeychainCopyDomainDefault": &s.domainDefault, "SecKeychainGetPath": &s.keychainPath,
		"SecItemCopyMatching":        &s.copyMatching,
		"SecIdentityCopyCertificate": &s.certificateOf, "SecIdentityCopyPrivateKey": &s.keyOf,
		"SecCertificateCopyData": &s.certificateDER, "SecKeyCreateSignature": &s.sign,
	})
	if err != nil {
		return nil, err
	}
	names := append(algorithms(), "kSecClass", "kSecClassIdentity", "kSecClassCertificate",
		"kSecMatchLimit", "kSecMatchLimitAll", "kSecMatchSearchList", "kSecReturnRef")
	s.name, err = lib.constants(names...)
	return s, err
}

// prepare keeps the process to the system's keychains, whoever has started it,
// and keeps macOS from asking anybody: a daemon has nobody to ask.
func (s *security) prepare() error {
	return errors.Join(
		statusError("turn to the system's keychains", s.setDomain(systemDomain)),
		statusError("keep the keychain from asking", s.allowQuestions(askNobody)))
}

// system is the System keychain, when it is there and unlocked. It is opened
// anew for each use: one that was replaced meanwhile is seen.
func (s *security) system(o *owned) (uintptr, error) {
	var keychain uintptr
	if err := statusError("open the System keychain", s.openKeychain(systemKeychain, &keychain)); err != nil {
		return 0, err
	}
	o.keep(keychain)
	var status uint32
	if err := statusError("look at the System keychain", s.keychainStatus(keychain, &status)); err != nil {
		return 0, err
	}
	if status&unlocked == 0 {
		return 0, ErrLocked
	}
	return keychain, nil
}

// checkDefault refuses where the system's default keychain, which go-keychain
// adds items to, is another one than the System keychain.
func (s *security) checkDefault() error {
	o := s.owned()
	defer o.end()
	var keychain uintptr
	if err := statusError("look for the system's default keychain", s.domainDefault(systemDomain, &keychain)); err != nil {
		return err
	}
	o.keep(keychain)
	path := make([]byte, maxText)
	size := uint32(len(path))
	if err := statusError("look for the system's default keychain", s.keychainPath(keychain, &size, &path[0])); err != nil {
		return err
	}
	if got := string(path[:min(int(size), len(path))]); got != systemKeychain {
		return fmt.Errorf("the system's default keychain is %.200q: put it right with `security default-keychain -d system -s %s`", got, systemKeychain)
	}
	return nil
}

// all are references to the items of a class in the System keychain.
func (s *security) all(o *owned, class string, most int) (refs []uintptr, err error) {
	keychain, err := s.system(o)
	if err != nil {
		return nil, err
	}
	query := o.dictionary(map[uintptr]uintptr{
		s.name["kSecClass"]: s.name[class], s.name["kSecMatchSearchList"]: o.array(keychain),
		s.name["kSecMatchLimit"]: s.name["kSecMatchLimitAll"], s.name["kSecReturnRef"]: s.yes,
	})
	if o.err != nil {
		return nil, o.err
	}
	var found uintptr
	err = statusError("look through the System keychain", s.copyMatching(query, &found))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = s.each(o.keep(found), most, func(ref uintptr) { refs = append(refs, ref) })
	return refs, err
}

func (s *security) der(certificate uintptr) ([]byte, error) {
	o := s.owned()
	defer o.end()
	return s.readData(o.keep(s.certificateDER(certificate)))
}
