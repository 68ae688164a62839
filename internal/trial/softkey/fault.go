package softkey

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Fault is a way in which a key is broken.
type Fault int

// The faults. Those of the first group spoil the reports of an answer, those
// of the second what the answer says, those of the third what was done.
const (
	None Fault = iota

	WrongSequence // its second report has the wrong number
	OtherChannels // reports of other channels between its own
	TooLong       // it claims to be longer than any message
	Spurious      // it begins with a report of nothing
	Dribble       // it breaks off
	Silent        // it never comes
	Busy          // CHANNEL_BUSY, each time

	Empty          // without even a status
	Garbage        // no CBOR
	Indefinite     // a map of indefinite length
	Deep           // nested deeper than CTAP allows
	Repeated       // a key twice
	Trailing       // bytes after the end
	WrongRP        // signed for another relying party
	WrongSignature // signed with another key
	NoTouchFlag    // signed without a touch

	CounterBack // the counter of a copy that was made before
)

// misframe spoils the reports of an answer.
func (f Fault) misframe(reports [][]byte) [][]byte {
	channel := reports[0][:4]
	switch f {
	case WrongSequence:
		if len(reports) > 1 {
			reports[1][4] = 5
		}
	case OtherChannels:
		var all [][]byte
		for _, r := range reports {
			other := bytes.Clone(r)
			binary.BigEndian.PutUint32(other, binary.BigEndian.Uint32(channel)^0xFF)
			all = append(all, other, r)
		}
		return all
	case TooLong:
		binary.BigEndian.PutUint16(reports[0][5:], 0xFFFF)
	case Spurious:
		return append([][]byte{append(bytes.Clone(channel), 0, 1, 2, 3)}, reports...)
	case Dribble:
		return reports[:len(reports)-1]
	case Silent:
		return nil
	}
	return reports
}

// spoil spoils what an answer says, where it is no refusal.
func (f Fault) spoil(answer []byte) []byte {
	if len(answer) < 2 || answer[0] != 0 {
		return answer
	}
	switch f {
	case Empty:
		return nil
	case Garbage:
		return []byte{0, 0xFF, 0x00, 0xDE, 0xAD}
	case Indefinite:
		return slices.Concat([]byte{0, 0xBF}, answer[2:], []byte{0xFF})
	case Deep:
		return slices.Concat([]byte{0, 0xA1, 0x18, 0x63}, bytes.Repeat([]byte{0x81}, 2000), []byte{0})
	case Repeated:
		// The first pair again, which all answers have with a small key.
		return slices.Concat([]byte{0, answer[1] + 1, answer[2], 0}, answer[2:])
	case Trailing:
		return append(answer, 0)
	}
	return answer
}
