package checkin

import (
	"encoding/json"
	"fmt"

	"time"
)

// State keeps the Record. Save is durable when it returns.
type State interface {
	Load() (Record, error) // the zero Record before the first Save
	Save(Record) error
}

// Record is what outlives the process.
type Record struct {
	Seq      uint64    `json:"seq"`                 // the highest that may have been sent
	URL      string    `json:"url,omitempty"`       // where a Latchkey server has answered
	Token    string    `json:"token,omitempty"`     // proves this device to that server; secret
	DeviceID string    `json:"device_id,omitempty"` // as that server calls this device
	Answered time.Time `json:"answered,omitzero"`   // that server's time of its last answer
}

// Format hides the token from every verb.
func (r Record) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[check-in record, seq %d]", r.Seq)
}

// trusts reports whether secrets may go to the server at url.
func (r Record) trusts(url string) bool { return url != "" && r.URL == url }

// Records is a store of small sealed records.
type Records interface {
	Read(key string) ([]byte, error) // nil for none
	Write(changes map[string][]byte) error
}

const recordKey = "checkin/record"

// KeptIn keeps the Record among others.
func KeptIn(records Records) State { return kept{records} }

type kept struct{ records Records }

func (k kept) Load() (r Record, err error) {
	raw, err := k.records.Read(recordKey)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return Record{}, fmt.Errorf("read the check-in record: %w", err)
	}
	return r, nil
}

func (k kept) Save(r Record) error {
	raw, err := json.Marshal(r)
	if err == nil {
		err = k.records.Write(map[string][]byte{recordKey: raw})
	}
	if err != nil {
		return fmt.Errorf("write the check-in record: %w", err)
	}
	return nil
}

var _ fmt.Formatter = Record{}
