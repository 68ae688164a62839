package devaccounts

import "golang.org/x/crypto/argon2"

func argonKey(h passwordHash, password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, keySize)
}
