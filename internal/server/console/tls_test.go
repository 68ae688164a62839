package console_test

import "crypto/tls"

// insecure takes any certificate: the server's name is not what is tested.
func insecure() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
}
