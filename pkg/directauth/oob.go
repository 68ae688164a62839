package directauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Channels that reach a person outside of this program.
const (
	ChannelPush  = "push"
	ChannelSMS   = "sms"
	ChannelVoice = "voice"
)

// Binding is how the person shows that both ends are theirs.
type Binding string

// Bindings.
const (
	BindingNone     Binding = "none"     // a tap is all
	BindingTransfer Binding = "transfer" // the person picks OOB.BindingCode on the phone: show it
	BindingPrompt   Binding = "prompt"   // the person types here what came to the phone: Prompted
)

// Bounds of what an org says of a code, and what is taken where it says
// nothing.
const (
	minInterval     = time.Second
	maxInterval     = time.Minute
	defaultInterval = 5 * time.Second // RFC 8628 §3.2
	maxExpiry       = 10 * time.Minute
	defaultExpiry   = 5 * time.Minute // what the API's description has in all examples
	maxBindingCode  = 16              // bytes
)

// OOB is a challenge that is on its way to a person. It prints as a
// placeholder, as Code and MFAToken are secrets.
type OOB struct {
	Code        string
	ExpiresIn   time.Duration // 1 s to 10 min, from when the org answered
	Interval    time.Duration // between polls, 1 s to 60 s
	Channel     string
	Binding     Binding
	BindingCode string // to show, where Binding is BindingTransfer; else ""
	MFAToken    string // set where a first factor went before
}

// Push sends a push to a user's phone, as the first factor. user is what the
// person signs in with: 1 to 256 bytes, no control characters. Await waits for
// the answer.
//
// Errors: as for OutOfBand.
func (c *Client) Push(ctx context.Context, user string) (OOB, error) {
	return c.OutOfBand(ctx, user, ChannelPush)
}

// OutOfBand is Push for any channel. What comes by SMS or voice is typed here,
// and goes to Prompted.
//
// Errors: *InputError; *Error, also ErrNotAssigned, ErrNotEnrolled, ErrClient,
// ErrRateLimited; *Unreachable; ErrAnswer.
func (c *Client) OutOfBand(ctx context.Context, user, channel string) (OOB, error) {
	if err := firstOf(checkUser(user), checkChannel(channel)); err != nil {
		return OOB{}, err
	}
	form := url.Values{"login_hint": {user}, "channel_hint": {channel}, "challenge_hint": {grantOOB}}
	body, err := c.post(ctx, "/primary-authenticate", form, asking, unheard)
	if statusOf(err) == http.StatusNotFound {
		// An older org has this one, which is deprecated.
		body, err = c.post(ctx, "/oob-authenticate", form, asking, unheard)
	}
	if err != nil {
		return OOB{}, err
	}
	return readOOB(body, channel)
}

func checkUser(user string) error { return plain("user", user, 256) }

func checkChannel(channel string) error {
	if !slices.Contains([]string{ChannelPush, ChannelSMS, ChannelVoice}, channel) {
		return &InputError{"channel", "must be push, sms or voice"}
	}
	return nil
}

func firstOf(problems ...error) error {
	for _, err := range problems {
		if err != nil {
			return err
		}
	}
	return nil
}

// readOOB reads the answer to a request for the channel.
func readOOB(body []byte, channel string) (OOB, error) {
	var in struct {
		Code     string      `json:"oob_code"`
		Expires  seconds     `json:"expires_in"`
		Interval seconds     `json:"interval"`
		Channel  string      `json:"channel"`
		Binding  Binding     `json:"binding_method"`
		Number   bindingCode `json:"binding_code"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return OOB{}, fmt.Errorf("read the out-of-band code: %w", malformed(err))
	}
	o := OOB{Code: in.Code, ExpiresIn: in.Expires.duration(), Interval: in.Interval.duration(), Channel: in.Channel, Binding: in.Binding}
	if o.Channel == "" {
		o.Channel = channel
	}
	if o.Binding == "" {
		o.Binding = BindingNone
	}
	if o.Binding == BindingTransfer {
		o.BindingCode = string(in.Number)
	}
	o.bound()
	return o, o.check()
}

// bound brings lengths into what Await can work with.
func (o *OOB) bound() {
	if o.ExpiresIn <= 0 {
		o.ExpiresIn = defaultExpiry
	}
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	o.ExpiresIn = min(max(o.ExpiresIn, time.Second), maxExpiry)
	o.Interval = min(max(o.Interval, minInterval), maxInterval)
}

func (o OOB) check() error {
	switch {
	case !goodHandle(o.Code):
		return fmt.Errorf("read the out-of-band code: %w: oob_code is missing, too long, or not text", ErrAnswer)
	case checkChannel(o.Channel) != nil:
		return fmt.Errorf("read the out-of-band code: %w: channel is none of push, sms, voice", ErrAnswer)
	case !slices.Contains([]Binding{BindingNone, BindingTransfer, BindingPrompt}, o.Binding):
		return fmt.Errorf("read the out-of-band code: %w: binding_method is none of none, transfer, prompt", ErrAnswer)
	case o.Binding == BindingTransfer && o.BindingCode == "":
		return fmt.Errorf("read the out-of-band code: %w: there is no binding_code to show", ErrAnswer)
	}
	return nil
}

// bindingCode is a string in Okta's guides, and a number in the examples of its
// description.
type bindingCode string

// UnmarshalJSON keeps the digits as they are written: "07" is not 7.
func (b *bindingCode) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("read binding_code: %w", err)
		}
	} else if _, err := strconv.ParseUint(text, 10, 32); err != nil {
		if text == "null" {
			return nil
		}
		return fmt.Errorf("%w: binding_code is neither text nor a whole number", ErrAnswer)
	}
	if len(text) > maxBindingCode || !printable(text) {
		return fmt.Errorf("%w: binding_code cannot be shown", ErrAnswer)
	}
	*b = bindingCode(text)
	return nil
}
