//go:build !cgo

package macos

// Without cgo go-keychain cannot be built. The same two calls are made here,
// for the same item, so nothing is weaker.

func (k *Keychain) readSealing() ([]byte, error) {
	s, o := k.security, k.security.owned()
	defer o.end()
	keychain, err := s.system(o)
	if err != nil {
		return nil, err
	}
	query := o.dictionary(map[uintptr]uintptr{
		s.name["kSecClass"]: s.name["kSecClassGenericPassword"], s.name["kSecAttrService"]: o.text(sealingService), s.name["kSecAttrAccount"]: o.text(sealingAccount),
		s.name["kSecMatchSearchList"]: o.array(keychain), s.name["kSecMatchLimit"]: s.name["kSecMatchLimitOne"], s.name["kSecReturnData"]: s.yes,
	})
	if o.err != nil {
		return nil, o.err
	}
	var found uintptr
	if err := statusError("SecItemCopyMatching", s.copyMatching(query, &found)); err != nil {
		return nil, err
	}
	return s.readData(o.keep(found))
}

// addSealing asks for an item of this device that is never synchronised. A
// keychain in a file, as the System keychain is, never is: the attributes say it
// for a macOS that would know another kind.
func (k *Keychain) addSealing(key []byte) error {
	s, o := k.security, k.security.owned()
	defer o.end()
	keychain, err := s.system(o)
	if err != nil {
		return err
	}
	item := o.dictionary(map[uintptr]uintptr{
		s.name["kSecClass"]: s.name["kSecClassGenericPassword"], s.name["kSecAttrService"]: o.text(sealingService), s.name["kSecAttrAccount"]: o.text(sealingAccount),
		s.name["kSecAttrLabel"]: o.text(sealingLabel), s.name["kSecValueData"]: o.data(key), s.name["kSecUseKeychain"]: keychain,
		s.name["kSecAttrSynchronizable"]: s.no, s.name["kSecAttrAccessible"]: s.name["kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly"],
	})
	if o.err != nil {
		return o.err
	}
	return statusError("SecItemAdd", s.addItem(item, nil))
}
