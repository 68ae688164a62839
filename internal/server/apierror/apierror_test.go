package apierror_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestAnswerHidesTheCause(t *testing.T) {
	cause := errors.New("database is on fire at /var/lib/x")
	e := apierror.Internal(cause)
	w := httptest.NewRecorder()
	e.Write(w)
	var body wire.APIError
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != 500 || body.ErrorCode != "E0000009" || body.ErrorID == "" || strings.Contains(w.Body.String(), "fire") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !errors.Is(e, cause) || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("cause %v, headers %v", errors.Unwrap(e), w.Header())
	}
}
