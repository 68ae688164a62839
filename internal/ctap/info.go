package ctap

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Info is what a key says of itself (authenticatorGetInfo, CTAP 2.1 §6.4).
// What the standard gives a default has it here.
type Info struct {
	Versions            []string // such as FIDO_2_0, FIDO_2_1, U2F_V2
	AAGUID              [16]byte // the model
	ClientPIN           bool     // it can have a PIN
	PINSet              bool     // and has one
	BuiltInUV           bool     // it can verify its user by itself, such as by a fingerprint
	UVConfigured        bool     // and is set up to
	PINUVAuthToken      bool     // it gives tokens with permissions
	MakeCredUVNotNeeded bool     // makeCredUvNotRqd: credentials that it cannot list need no PIN
	AlwaysUV            bool     // it verifies its user each time
	NoPINForCredentials bool     // noMcGaPermissionsWithClientPin: a PIN alone does not unlock credentials
	MaxMessage          int      // in bytes, 1024 to 7609
	PINProtocols        []int    // in the key's order of preference
	MaxCredentials      int      // in one list, at least 1
	MaxCredentialID     int      // in bytes, 1 to 1023
	Transports          []string
	Algorithms          []int // COSE; empty where the key does not say
	ForcePINChange      bool
	MinPINLength        int // in code points, 4 to 63
}

// The longest credential ID (WebAuthn §4), in bytes.
const maxCredentialID = 1023

// The message that every key takes (CTAP 2.1 §6.4), in bytes.
const minMaxMessage = 1024

// The shortest PIN, in code points, and the longest, in bytes (CTAP 2.1 §6.5).
const (
	minPIN = 4
	maxPIN = 63
)

type infoAnswer struct {
	Versions        []string        `cbor:"1,keyasint"`
	AAGUID          []byte          `cbor:"3,keyasint"`
	Options         map[string]bool `cbor:"4,keyasint"`
	MaxMessage      *uint64         `cbor:"5,keyasint"`
	PINProtocols    []uint64        `cbor:"6,keyasint"`
	MaxCredentials  *uint64         `cbor:"7,keyasint"`
	MaxCredentialID *uint64         `cbor:"8,keyasint"`
	Transports      []string        `cbor:"9,keyasint"`
	Algorithms      []infoAlgorithm `cbor:"10,keyasint"`
	ForcePINChange  bool            `cbor:"12,keyasint"`
	MinPINLength    *uint64         `cbor:"13,keyasint"`
}

type infoAlgorithm struct {
	Algorithm int    `cbor:"alg"`
	Type      string `cbor:"type"`
}

// parseInfo reads the CBOR of an answer to authenticatorGetInfo.
func parseInfo(raw []byte) (Info, error) {
	var a infoAnswer
	if err := decodeCBOR(raw, &a); err != nil {
		return Info{}, nonsense("what it says of itself: %w", err)
	}
	if len(a.AAGUID) != 16 {
		return Info{}, nonsense("its AAGUID has %d bytes, not 16", len(a.AAGUID))
	}
	info := Info{Versions: a.Versions, AAGUID: [16]byte(a.AAGUID), Transports: a.Transports, ForcePINChange: a.ForcePINChange}
	info.takeOptions(a.Options)
	for _, p := range a.PINProtocols {
		if p == 1 || p == 2 {
			info.PINProtocols = append(info.PINProtocols, int(p))
		}
	}
	for _, alg := range a.Algorithms {
		if alg.Type == "public-key" {
			info.Algorithms = append(info.Algorithms, alg.Algorithm)
		}
	}
	if info.ClientPIN && len(a.PINProtocols) == 0 {
		info.PINProtocols = []int{1} // a key of CTAP 2.0 need not say
	}
	return info, info.takeLimits(a)
}

func (i *Info) takeOptions(options map[string]bool) {
	i.PINSet, i.ClientPIN = options["clientPin"]
	i.UVConfigured, i.BuiltInUV = options["uv"]
	i.PINUVAuthToken = options["pinUvAuthToken"]
	i.MakeCredUVNotNeeded = options["makeCredUvNotRqd"]
	i.AlwaysUV = options["alwaysUv"]
	i.NoPINForCredentials = options["noMcGaPermissionsWithClientPin"]
}

func (i *Info) takeLimits(a infoAnswer) error {
	limits := []struct {
		name          string
		said          *uint64
		into          *int
		usual         int
		least, atMost uint64
	}{
		{"longest message", a.MaxMessage, &i.MaxMessage, minMaxMessage, minMaxMessage, MaxMessage},
		{"longest list of credentials", a.MaxCredentials, &i.MaxCredentials, 1, 1, maxEntries},
		{"longest credential ID", a.MaxCredentialID, &i.MaxCredentialID, maxCredentialID, 1, maxCredentialID},
		{"shortest PIN", a.MinPINLength, &i.MinPINLength, minPIN, minPIN, maxPIN},
	}
	var errs []error
	for _, l := range limits {
		*l.into = l.usual
		if l.said == nil {
			continue
		}
		if *l.said < l.least {
			errs = append(errs, nonsense("its %s is %d, at least %d is needed", l.name, *l.said, l.least))
		}
		*l.into = int(min(*l.said, l.atMost))
	}
	return errors.Join(errs...)
}

// speaksFIDO2: at least one of the versions is of FIDO2 and final.
func (i Info) speaksFIDO2() error {
	if slices.ContainsFunc(i.Versions, func(v string) bool { return strings.HasPrefix(v, "FIDO_2_") && v != "FIDO_2_1_PRE" }) {
		return nil
	}
	return fmt.Errorf("%w: it names the versions %q: use a key that speaks FIDO_2_0 or later", ErrNotFIDO2, i.Versions)
}

// hasSelection: authenticatorSelection came with CTAP 2.1.
func (i Info) hasSelection() bool {
	return slices.ContainsFunc(i.Versions, func(v string) bool {
		return strings.HasPrefix(v, "FIDO_2_") && v != "FIDO_2_0" && v != "FIDO_2_1_PRE"
	})
}

// fits are the credential IDs that can be the key's, for their length.
func (i Info) fits(ids [][]byte) (found [][]byte) {
	for _, id := range ids {
		if len(id) <= i.MaxCredentialID && !slices.ContainsFunc(found, func(f []byte) bool { return bytes.Equal(f, id) }) {
			found = append(found, id)
		}
	}
	return found
}
