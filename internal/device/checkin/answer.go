package checkin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Bounds of an answer.
const (
	maxAnswer = 1 << 20 // bytes
	maxToken  = 1024
	maxID     = 256
)

// decode reads one JSON object and nothing else: an unknown member is a shape
// that the version of the wire should have announced.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the JSON object")
	}
	return nil
}

// decodeAnswer reads a 200 and refuses what no server of this version says.
func decodeAnswer(raw []byte) (wire.CheckInAnswer, error) {
	var a wire.CheckInAnswer
	if err := decode(raw, &a); err != nil {
		return wire.CheckInAnswer{}, err
	}
	if err := checkAnswer(a); err != nil {
		return wire.CheckInAnswer{}, err
	}
	return a, nil
}

// The time of an answer becomes the device's trusted time, so that a broken
// server cannot be taken at its word: it is not before this protocol was made,
// nor past what every format of time can hold.
func earliest() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }
func furthest() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

func checkAnswer(a wire.CheckInAnswer) error {
	switch {
	case a.Now.Before(earliest()) || a.Now.After(furthest()):
		return errors.New("now is not a plausible time")
	case a.DeviceID == "" || len(a.DeviceID) > maxID:
		return fmt.Errorf("device_id has %d bytes; 1 to %d are allowed", len(a.DeviceID), maxID)
	case len(a.Token) > maxToken:
		return fmt.Errorf("token has %d bytes; at most %d are allowed", len(a.Token), maxToken)
	case a.NextIn < 0:
		return errors.New("next_in is negative")
	}
	for _, s := range a.Secrets {
		if !slices.Contains([]string{wire.SecretConfirmed, wire.SecretUnproven, wire.SecretStale}, s.Result) {
			return errors.New("a secret has a result that is none of confirmed, unproven, stale")
		}
	}
	for _, c := range a.Commands {
		if c.ID == "" || len(c.ID) > maxID {
			return fmt.Errorf("a command has an id of %d bytes; 1 to %d are allowed", len(c.ID), maxID)
		}
	}
	return nil
}

// onlyAsked drops what the answer says of events and secrets that were not
// sent: a server can neither empty the queue nor confirm what it never got.
func onlyAsked(sent wire.CheckIn, a *wire.CheckInAnswer) {
	events := map[string]bool{}
	for _, e := range sent.Events {
		events[e.ID] = true
	}
	a.Events = slices.DeleteFunc(a.Events, func(id string) bool { return !events[id] })
	a.Secrets = slices.DeleteFunc(a.Secrets, func(r wire.SecretResult) bool {
		return !slices.ContainsFunc(sent.Secrets, func(u wire.SecretUpload) bool {
			// A stale one names the generation that the server holds, which is another.
			return u.GUID == r.GUID && (u.Generation == r.Generation || r.Result == wire.SecretStale)
		})
	})
}

// httpsURL checks a URL that a server gave us.
func httpsURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is no URL")
	case u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("it is no https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("only host, port and path belong into it")
	}
	return nil
}
