package macos

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
)

// algorithm is Security.framework's name (SecKey.h) of a signature over a digest
// that is already made, as crypto/tls asks for it. Refused are SHA-1, salts of
// another length than the digest's, which SecKey cannot make, and digests that
// are not as long as their kind.
func algorithm(public crypto.PublicKey, digest []byte, opts crypto.SignerOpts) (string, error) {
	hash := opts.HashFunc()
	size := map[crypto.Hash]string{crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512"}[hash]
	if size == "" {
		return "", fmt.Errorf("sign with the key in the keychain: %v is not taken; SHA-256, SHA-384 and SHA-512 are", hash)
	}
	if len(digest) != hash.Size() {
		return "", fmt.Errorf("sign with the key in the keychain: a digest of %d bytes is no %v", len(digest), hash)
	}
	switch public.(type) {
	case *ecdsa.PublicKey:
		return "kSecKeyAlgorithmECDSASignatureDigestX962" + size, nil
	case *rsa.PublicKey:
		pss, ok := opts.(*rsa.PSSOptions)
		if !ok {
			return "kSecKeyAlgorithmRSASignatureDigestPKCS1v15" + size, nil
		}
		if pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != hash.Size() {
			return "", fmt.Errorf("sign with the key in the keychain: a salt of %d bytes cannot be made; it is as long as the digest", pss.SaltLength)
		}
		return "kSecKeyAlgorithmRSASignatureDigestPSS" + size, nil
	}
	return "", fmt.Errorf("sign with the key in the keychain: keys of the kind %T are not taken; RSA and ECDSA are", public)
}

// algorithms are all that algorithm can name.
func algorithms() (names []string) {
	for _, kind := range []string{"ECDSASignatureDigestX962", "RSASignatureDigestPKCS1v15", "RSASignatureDigestPSS"} {
		for _, size := range []string{"SHA256", "SHA384", "SHA512"} {
			names = append(names, "kSecKeyAlgorithm"+kind+size)
		}
	}
	return names
}
