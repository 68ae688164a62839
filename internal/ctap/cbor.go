package ctap

import (
	"errors"

	"github.com/fxamacker/cbor/v2"
)

// Bounds of what a key may answer. CTAP 2.1 §8 nests at most four deep; no
// list or map of the standard has a quarter of the entries.
const (
	maxDepth   = 4
	maxEntries = 128
)

// decodeCBOR fills a value from exactly one item. An item that is nested too
// deep, of indefinite length, tagged, has a key twice or is followed by
// anything, is refused.
func decodeCBOR(raw []byte, into any) error {
	rest, err := decodeFirstCBOR(raw, into)
	if err == nil && len(rest) > 0 {
		return errors.New("bytes follow the end")
	}
	return err
}

// decodeFirstCBOR is decodeCBOR for an item that others follow.
func decodeFirstCBOR(raw []byte, into any) (rest []byte, err error) {
	if len(raw) > MaxMessage {
		return nil, errors.New("longer than a message can be")
	}
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   maxDepth,
		MaxArrayElements:  maxEntries,
		MaxMapPairs:       maxEntries,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		return nil, err
	}
	return mode.UnmarshalFirst(raw, into)
}

// encodeCBOR is the CTAP2 canonical form (CTAP 2.1 §8).
func encodeCBOR(value any) ([]byte, error) {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(value)
}
