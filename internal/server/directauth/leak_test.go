package directauth_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}
