package directauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a refusal means to whoever signs in. Match with errors.Is.
var (
	// ErrDenied: the person refused, or picked another number.
	ErrDenied = errors.New("refused by the person")
	// ErrExpired: the code or the MFA token has ended. Start anew.
	ErrExpired = errors.New("expired")
	// ErrInvalidCredentials: the password, code or assertion is wrong.
	ErrInvalidCredentials = errors.New("wrong credentials")
	// ErrRateLimited: too many requests. Error.RetryAfter says how long to wait, if the org did.
	ErrRateLimited = errors.New("too many requests")
	// ErrClient: the app's credentials or its set-up at the org are wrong: nobody can sign in.
	ErrClient = errors.New("the app is not set up for this")
	// ErrNotAssigned: the user is not assigned to the app.
	ErrNotAssigned = errors.New("the user is not assigned to the app")
	// ErrNotEnrolled: the user has no such factor, or the policy does not take it.
	ErrNotEnrolled = errors.New("the factor cannot be used")
	// ErrAnswer: the org's answer is not what the API's description says.
	ErrAnswer = errors.New("not an answer of the API")

	errPending  = errors.New("not answered yet")
	errSlowDown = errors.New("asked too often")
)

// Error is a refusal of the org, or an HTTP answer that is none of the API's
// (then inside an *Unreachable, and Code is ""). Nothing of what was sent is in
// it.
type Error struct {
	Status      int           // HTTP
	Code        string        // OAuth's error or Okta's errorCode
	Description string        // OAuth's error_description or Okta's errorSummary; one line, at most 512 bytes
	ErrorID     string        // Okta's errorId, for its support
	RetryAfter  time.Duration // what the org asked to wait; 0 if it did not; at most an hour

	kind error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.kind != nil {
		fmt.Fprintf(&b, "%v: ", e.kind)
	}
	fmt.Fprintf(&b, "status %d", e.Status)
	for _, part := range []string{e.Code, e.Description, e.ErrorID} {
		if part != "" {
			b.WriteString(", " + part)
		}
	}
	return b.String()
}

// Unwrap is the meaning of the refusal, if it is one of this package's.
func (e *Error) Unwrap() error { return e.kind }

// MFARequired: the first factor is right, and the org's policy wants another.
type MFARequired struct {
	Token       string          // for Challenge and AnswerOTP; secret
	Challenges  []ChallengeType // what the org takes; nil if it did not say
	Description string          // the org's words
}

func (e MFARequired) Error() string { return "the org wants another factor" }

// stage is what a request was for: the same code means different things.
type stage int

const (
	asking   stage = iota // for a challenge, or keys
	guessing              // a credential was sent
	polling               // for what a person does elsewhere
)

// refused is what is known of a request when its refusal is read.
type refused struct {
	stage   stage
	held    bool // it named a code or token, which can expire
	secrets []string
	now     time.Time
}

// read takes a refusal apart, in either of its two shapes. The error is an
// *Error, a *MFARequired, or an *Unreachable where the org did not speak.
func (r refused) read(status int, header http.Header, body []byte) error {
	var in struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Token       string `json:"mfa_token"`
		Supported   string `json:"supported_challenge_types"`
		Code        string `json:"errorCode"`
		Summary     string `json:"errorSummary"`
		ID          string `json:"errorId"`
	}
	// Garbage has no code, which is told apart below.
	if err := json.Unmarshal(body, &in); err != nil || !isObject(body) {
		in.Error, in.Code = "", ""
	}
	code, text := in.Error, in.Description
	if code == "" {
		code, text = in.Code, in.Summary
	}
	e := &Error{Status: status, RetryAfter: waitOf(status, header, r.now)}
	e.kind = r.kind(status, code, strings.ToLower(text))
	if simple().MatchString(code) && (e.kind != nil || !tells(code, r.secrets)) {
		e.Code, e.Description, e.ErrorID = code, legible(text, r.secrets), legible(in.ID, r.secrets)
	}
	switch {
	case e.Code == "" && e.kind == nil:
		e.Description = legible(header.Get("Content-Type"), r.secrets)
		return &Unreachable{Kind: Status, Err: e}
	case code == "mfa_required" && goodHandle(in.Token):
		return &MFARequired{Token: in.Token, Challenges: challengeTypes(in.Supported), Description: e.Description}
	}
	return e
}

// simple is the shape of all codes.
func simple() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`) }

// kind is the meaning of a refusal. The status comes first: a 429 says
// invalid_grant too. Several refusals share the code access_denied, and only
// their text, which the API's description has, tells them apart.
func (r refused) kind(status int, code, text string) error {
	is := func(codes ...string) bool { return slices.Contains(codes, code) }
	says := func(part string) bool { return strings.Contains(strings.ReplaceAll(text, "’", "'"), part) }
	switch {
	case status == http.StatusTooManyRequests || is("E0000047"):
		return ErrRateLimited
	case is("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"):
		return ErrClient
	case is("expired_token"), r.held && is("access_denied", "invalid_grant") && says("expired"):
		return ErrExpired
	case is("access_denied") && says("assigned to the client"):
		return ErrNotAssigned
	case is("access_denied") && says("authenticator can't be used"):
		return ErrNotEnrolled
	case is("access_denied") && says("network zone"):
		return nil // a policy's word, and nobody's refusal
	case r.stage == polling:
		return pollKind(code)
	case r.stage == guessing && is("invalid_grant", "invalid_otp"):
		return ErrInvalidCredentials
	}
	return nil
}

// pollKind is for the codes that only come while a person is waited for. Which
// one stands for a refusal is not in the API's description: it is one of three.
func pollKind(code string) error {
	switch code {
	case "authorization_pending", "direct_auth_authorization_pending":
		return errPending
	case "slow_down":
		return errSlowDown
	case "access_denied", "oob_rejected", "invalid_grant":
		return ErrDenied
	}
	return nil
}

// waitOf is how long the org asks to wait: Retry-After, in seconds or as a
// date, else with a 429 Okta's X-Rate-Limit-Reset, in Unix seconds. What is in
// the past, or no number, is 0; an hour is the most.
func waitOf(status int, header http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date // by the org's clock, as its other times are
	}
	wait := time.Duration(0)
	after := header.Get("Retry-After")
	if n, err := strconv.ParseInt(after, 10, 32); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		wait = at.Sub(now)
	} else if reset, err := strconv.ParseInt(header.Get("X-Rate-Limit-Reset"), 10, 64); err == nil && status == http.StatusTooManyRequests {
		wait = time.Unix(reset, 0).Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}

// retryAfter is what an error says to wait.
func retryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// statusOf is the HTTP status that a refusal came with; 0 for none.
func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
