package systemlog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// record is an event as it lies in its row: exactly what the chain covers.
type record struct {
	seq                                        uint64
	published                                  int64 // microseconds
	id, kind, severity, outcome, actorID, body string
	hash                                       string
}

// link is the hash of a record after the one with hash previous. Each field is
// preceded by its length, so that moving text between fields changes it.
func link(key []byte, previous string, r record) string {
	mac := hmac.New(sha256.New, key)
	field := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		mac.Write(n[:])
		mac.Write([]byte(s))
	}
	number := func(v uint64) { field(string(binary.BigEndian.AppendUint64(nil, v))) }
	field(previous)
	number(r.seq)
	number(uint64(r.published))
	for _, s := range []string{r.id, r.kind, r.severity, r.outcome, r.actorID, r.body} {
		field(s)
	}
	return hex.EncodeToString(mac.Sum(nil))
}
