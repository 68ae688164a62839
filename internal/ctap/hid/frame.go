package hid

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// reportSize is that of every report, in bytes, without a report ID.
const reportSize = 64

type report [reportSize]byte

// What is left of a report for data (CTAP 2.1 §11.2.4), in bytes.
const (
	initRoom = reportSize - 7
	contRoom = reportSize - 5
	maxConts = 128
)

// broadcast is the channel on which others are asked for.
const broadcast channelID = 0xFFFFFFFF

type channelID uint32

type command byte

// The commands that are sent or understood here (CTAP 2.1 §11.2.9).
const (
	cmdInit      command = 0x06
	cmdCBOR      command = 0x10
	cmdCancel    command = 0x11
	cmdKeepAlive command = 0x3B
	cmdError     command = 0x3F
)

// initBit marks the first report of a message.
const initBit = 0x80

// frames cuts a message into reports.
func frames(id channelID, cmd command, data []byte) ([]report, error) {
	if len(data) > ctap.MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes cannot be sent, at most %d can", len(data), ctap.MaxMessage)
	}
	var first report
	binary.BigEndian.PutUint32(first[:], uint32(id))
	first[4] = byte(cmd) | initBit
	binary.BigEndian.PutUint16(first[5:], uint16(len(data)))
	data = data[copy(first[7:], data):]
	all := []report{first}
	for seq := 0; len(data) > 0; seq++ {
		var next report
		binary.BigEndian.PutUint32(next[:], uint32(id))
		next[4] = byte(seq)
		data = data[copy(next[5:], data):]
		all = append(all, next)
	}
	return all, nil
}

// assembly puts the reports of one channel together again.
type assembly struct {
	channel channelID
	cmd     command
	data    []byte
	size    int
	next    int // the sequence number that must come
	begun   bool
}

// message is a whole one.
type message struct {
	cmd  command
	data []byte
}

var errSequence = errors.New("a report out of sequence")

// take adds a report. It gives a message when that was its last report, and
// nothing when more must come or the report is another channel's.
func (a *assembly) take(r report) (*message, error) {
	if channelID(binary.BigEndian.Uint32(r[:])) != a.channel {
		return nil, nil
	}
	if r[4]&initBit != 0 {
		return a.first(r)
	}
	if !a.begun || int(r[4]) != a.next || a.next >= maxConts {
		return nil, errSequence
	}
	a.next++
	a.data = append(a.data, r[5:min(reportSize, 5+a.size-len(a.data))]...)
	return a.whole()
}

func (a *assembly) first(r report) (*message, error) {
	if a.begun {
		return nil, errSequence
	}
	a.size = int(binary.BigEndian.Uint16(r[5:]))
	if a.size > ctap.MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes, at most %d are allowed", a.size, ctap.MaxMessage)
	}
	a.begun, a.cmd, a.next = true, command(r[4]&^initBit), 0
	a.data = append([]byte(nil), r[7:min(reportSize, 7+a.size)]...)
	return a.whole()
}

func (a *assembly) whole() (*message, error) {
	if len(a.data) < a.size {
		return nil, nil
	}
	m := &message{cmd: a.cmd, data: a.data}
	*a = assembly{channel: a.channel}
	return m, nil
}

// welcome is the answer to CTAPHID_INIT (CTAP 2.1 §11.2.9.1.3).
type welcome struct {
	nonce   [8]byte
	channel channelID
	cbor    bool // it speaks CTAP2
}

func parseWelcome(data []byte) (welcome, error) {
	const size, capCBOR = 17, 0x04
	if len(data) < size {
		return welcome{}, fmt.Errorf("a welcome of %d bytes, not %d", len(data), size)
	}
	w := welcome{nonce: [8]byte(data), channel: channelID(binary.BigEndian.Uint32(data[8:])), cbor: data[16]&capCBOR != 0}
	if w.channel == 0 || w.channel == broadcast {
		return welcome{}, fmt.Errorf("the channel %08x, which is not for messages", uint32(w.channel))
	}
	return w, nil
}
