package store_test

import (
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// A URL from which the driver takes a password is known to hold one, however it
// is written; and what cannot be read is not repeated.
func FuzzURL(f *testing.F) {
	f.Setenv("PGPASSFILE", "/dev/null")
	for _, url := range []string{"postgres://me:pw@h/x", "postgres://me@h/x?password=pw", "postgresql://me@h/x?pass%77ord=p", "postgres://me:p/w@h", "postgres://:p@/?host=/x",
		"postgres://h/x?user=me&sslpassword=p", "postgres://[::1]:5432,h2:1/x?sslmode=require", "postgres://%zz", "postgres://me:pw%00@h/x"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if !store.OnServer(url) || strings.Contains(url, "sslcert") || strings.Contains(url, "sslkey") || strings.Contains(url, "sslrootcert") || strings.Contains(url, "service") || strings.Contains(url, "passfile") {
			return // files of the machine
		}
		c, err := store.PostgresConfig(url)
		if err != nil {
			if said := err.Error(); len(said) > 200 {
				t.Errorf("%q: %s", url, said)
			}
			return
		}
		if c.Password != "" && !store.HoldsPassword(url) {
			t.Errorf("the password of %q is not noticed", url)
		}
		if c.ConnectTimeout <= 0 || c.RuntimeParams["lock_timeout"] == "" {
			t.Errorf("%q has no bounds", url)
		}
	})
}
