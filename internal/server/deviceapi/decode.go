package deviceapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// Bounds of what is inside a check-in, besides those of package wire.
const (
	maxAccounts  = 500
	maxAcks      = 2000
	maxFactors   = 100
	maxErrors    = 200
	maxDetail    = 64
	maxName      = 256
	maxText      = 4096
	maxEffective = 64 << 10
)

// read takes in the body of a check-in, of which size says how long it is to be;
// -1 is not known. Errors are those of Decode.
func read(body io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	if size > 0 && size <= wire.MaxCheckIn {
		b.Grow(int(size) + bytes.MinRead) // the last of which finds its end
	}
	if _, err := b.ReadFrom(io.LimitReader(body, wire.MaxCheckIn+1)); err != nil {
		return nil, apierror.New(http.StatusBadRequest, "The request body was not well-formed.", "the body was cut off")
	}
	if b.Len() > wire.MaxCheckIn {
		return nil, apierror.New(http.StatusRequestEntityTooLarge, "The check-in is too large.", fmt.Sprintf("at most %d bytes", wire.MaxCheckIn))
	}
	return b.Bytes(), nil
}

// Decode reads a check-in. The error is an *apierror.Error with status 400,
// 413 or 426 that names the field. Fields that this server does not know are
// passed over: a newer device may send them.
func Decode(raw []byte) (wire.CheckIn, error) {
	var in wire.CheckIn
	if err := json.Unmarshal(raw, &in); err != nil {
		// What a later version says may not even be of the same kind.
		var other struct {
			V int `json:"v"`
		}
		if json.Unmarshal(raw, &other) == nil && other.V != 1 {
			return wire.CheckIn{}, otherVersion(other.V)
		}
		whole := json.NewDecoder(bytes.NewReader(raw)).Decode(&struct{}{}) == nil
		return wire.CheckIn{}, badBody(err, whole)
	}
	if in.V != 1 {
		return wire.CheckIn{}, otherVersion(in.V)
	}
	return in, check(in)
}

func otherVersion(v int) error {
	return apierror.New(http.StatusUpgradeRequired, "This version of the check-in is not taken.", fmt.Sprintf("v: %d, this server takes 1", v))
}

// badBody names the field, and never quotes the value: it may be a key. whole is
// that there is an object, of which the syntax is right.
func badBody(err error, whole bool) error {
	cause := "not a JSON object"
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		cause = fmt.Sprintf("%s: want %s", kind.Field, kind.Type)
	case errors.As(err, &syntax) && whole:
		cause = "something follows the JSON object"
	case errors.As(err, &syntax):
		cause = fmt.Sprintf("not JSON at byte %d", syntax.Offset)
	}
	return apierror.New(http.StatusBadRequest, "The request body was not well-formed.", cause)
}

// checker collects what is out of bounds.
type checker struct {
	causes  []string
	tooMany bool
}

func (c *checker) fail(format string, args ...any) {
	if len(c.causes) < 20 {
		c.causes = append(c.causes, fmt.Sprintf(format, args...))
	}
}

func (c *checker) text(field, value string, most int, needed bool) {
	if needed && value == "" {
		c.fail("%s: missing", field)
	}
	if len(value) > most {
		c.fail("%s: %d bytes, at most %d", field, len(value), most)
	}
}

// key is a text by which something is found again. PostgreSQL stores no zero
// byte, so a text that has one would not be.
func (c *checker) key(field, value string) {
	c.text(field, value, maxName, true)
	if strings.ContainsRune(value, 0) {
		c.fail("%s: a zero byte, which is not allowed", field)
	}
}

func (c *checker) count(field string, n, most int) {
	if n > most {
		c.tooMany = true
		c.fail("%s: %d, at most %d", field, n, most)
	}
}

func (c *checker) number(field string, v uint64) {
	if v == 0 || v > math.MaxInt64 {
		c.fail("%s: %d, want 1 to %d", field, v, int64(math.MaxInt64))
	}
}

// time bounds what the database's microseconds can hold.
func (c *checker) time(field string, t time.Time) {
	if y := t.Year(); y < 2000 || y > 9999 {
		c.fail("%s: the year %d, want 2000 to 9999", field, y)
	}
}

func check(in wire.CheckIn) error {
	c := &checker{}
	c.number("seq", in.Seq)
	c.text("boot", in.Boot, maxName, true)
	c.text("token", in.Token, maxName, false)
	c.device(in)
	c.policy(in.Policy)
	c.count("ack", len(in.Ack), maxAcks)
	c.count("accounts", len(in.Accounts), maxAccounts)
	c.count("secrets", len(in.Secrets), maxAccounts)
	c.count("events", len(in.Events), wire.MaxCheckInEvents)
	for i, a := range in.Accounts {
		c.account(fmt.Sprintf("accounts[%d]", i), a)
	}
	for i, s := range in.Secrets {
		c.secret(fmt.Sprintf("secrets[%d]", i), s)
	}
	for i, e := range in.Events {
		c.event(fmt.Sprintf("events[%d]", i), e)
	}
	switch {
	case c.tooMany:
		return apierror.New(http.StatusRequestEntityTooLarge, "The check-in is too large.", c.causes...)
	case len(c.causes) != 0:
		return apierror.New(http.StatusBadRequest, "Api validation failed: check-in", c.causes...)
	}
	return nil
}

func (c *checker) device(in wire.CheckIn) {
	d := in.Device
	c.key("device.udid", d.UDID)
	c.key("device.serial", d.Serial)
	for field, v := range map[string]string{"device.model": d.Model, "device.name": d.Name, "device.os": d.OS, "device.agent": d.Agent, "device.zone": d.Zone,
		"armed.state": in.Armed.State, "clock": in.Clock} {
		c.text(field, v, maxName, false)
	}
	c.text("armed.reason", in.Armed.Reason, maxText, false)
}

func (c *checker) policy(p wire.PolicyState) {
	c.text("policy.state", p.State, maxName, false)
	c.text("policy.sha256", p.SHA256, maxName, false)
	c.count("policy.errors", len(p.Errors), maxErrors)
	c.count("policy.effective", len(p.Effective), maxEffective)
	for i, e := range p.Errors {
		c.text(fmt.Sprintf("policy.errors[%d]", i), e.Key+e.Value+e.Allowed, maxText, false)
	}
}

func (c *checker) account(at string, a wire.Account) {
	c.key(at+".guid", a.GUID)
	c.text(at+".name", a.Name, maxName, true)
	c.text(at+".full_name", a.FullName, maxName, false)
	c.text(at+".linked", a.Linked, maxName, false)
	c.text(at+".secret", a.Secret.State+a.Secret.KeyID, maxName, false)
	c.count(at+".factors", len(a.Factors), maxFactors)
	if a.Secret.Generation > math.MaxInt64 {
		c.fail("%s.secret.generation: too large", at)
	}
	for i, f := range a.Factors {
		c.text(fmt.Sprintf("%s.factors[%d]", at, i), f.ID+f.Kind, maxName, true)
	}
	if a.WindowUntil != nil {
		c.time(at+".window_until", *a.WindowUntil)
	}
	if a.FirstGovernedAt != nil {
		c.time(at+".first_governed_at", *a.FirstGovernedAt)
	}
}

func (c *checker) secret(at string, s wire.SecretUpload) {
	c.key(at+".guid", s.GUID)
	c.number(at+".generation", s.Generation)
	if len(s.Key) != recoverypin.SecretSize {
		c.fail("%s.key: %d bytes, want %d", at, len(s.Key), recoverypin.SecretSize)
	}
	if len(s.Proof) > maxName {
		c.fail("%s.proof: %d bytes, at most %d", at, len(s.Proof), maxName)
	}
}

func (c *checker) event(at string, e wire.Event) {
	c.text(at+".id", e.ID, maxName, true)
	c.text(at+".type", e.Type, maxName, true)
	c.text(at+".guid", e.GUID, maxName, false)
	c.time(at+".at", e.At)
	c.count(at+".detail", len(e.Detail), maxDetail)
	for k, v := range e.Detail {
		c.text(at+".detail", k, maxName, true)
		c.text(at+".detail", v, maxText, false)
	}
}
