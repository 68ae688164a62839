package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// timedMessage is the length of what a timed PIN is made from: the label
// "recovery-pin/v1/time", a zero byte and eight bytes of time.
const timedMessage = 29

// pinRows compares the check that takes longest, a wrong PIN while a secret is
// pending and a device code is out, with the HMACs that it cannot do without.
// The two take turns, so that what else the machine does meets both.
func pinRows(context.Context, *mac) ([]row, error) {
	pin, err := recoverypin.ParsePIN("000000000")
	if err != nil {
		return nil, err
	}
	code, err := recoverypin.ParseDeviceCode("63934920")
	if err != nil {
		return nil, err
	}
	check := recoverypin.Check{Secrets: []recoverypin.Secret{{1}, {2}}, Now: time.Unix(1_800_000_000, 0), DeviceCode: code}
	hmacs := 2 * (recoverypin.Candidates + 1)
	var bare, whole []time.Duration
	var ratios []float64
	for range 2000 {
		start := time.Now()
		bareHMACs(hmacs)
		middle := time.Now()
		if _, ok := recoverypin.Verify(pin, check); ok {
			return nil, errors.New("a wrong PIN matched")
		}
		bare, whole = append(bare, middle.Sub(start)), append(whole, time.Since(middle))
		ratios = append(ratios, float64(whole[len(whole)-1])/float64(bare[len(bare)-1]))
	}
	ratio := median(ratios)
	return []row{{what: fmt.Sprintf("recovery PIN: a miss over two secrets / %d bare HMAC-SHA-256", hmacs), ratio: ratio,
		figures: micros(median(whole)) + " / " + micros(median(bare)), target: "1.3x", within: ratio <= 1.3}}, nil
}

// bareHMACs sets the key up once, as whoever has many messages would.
func bareHMACs(n int) {
	h := hmac.New(sha256.New, make([]byte, recoverypin.SecretSize))
	message, sum := make([]byte, timedMessage), make([]byte, 0, sha256.Size)
	for range n {
		h.Reset()
		h.Write(message)
		h.Sum(sum)
	}
}
