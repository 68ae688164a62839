package ctap

import "context"

// MaxMessage is the longest message of CTAPHID, in bytes (CTAP 2.1 §11.2.4).
const MaxMessage = 7609

// Waiting is what a key says it is doing while its answer takes time.
type Waiting byte

// The states of CTAPHID_KEEPALIVE (CTAP 2.1 §11.2.9.2.1).
const (
	Processing   Waiting = 1 // it computes
	UserPresence Waiting = 2 // it waits for a touch
)

func (w Waiting) String() string {
	switch w {
	case Processing:
		return "processing"
	case UserPresence:
		return "waiting for a touch"
	}
	return "waiting for something unknown"
}

// Channel is one open channel to one authenticator. It is used by one
// conversation at a time.
type Channel interface {
	// Do sends a CTAP2 message (command byte and CBOR) and returns the answer
	// (status byte and CBOR), each of at most MaxMessage bytes. waiting, which
	// may be nil, is called for each change of what the key is waiting for.
	// When ctx ends, the request is cancelled on the key, its answer is waited
	// for a bounded moment so that the key is not left blinking, and the error
	// wraps ErrCancelled and the context's. A key that was pulled out is
	// ErrKeyGone, one that breaks the protocol ErrNonsense.
	Do(ctx context.Context, message []byte, waiting func(Waiting)) ([]byte, error)
	// Close ends the channel; a Do that is under way ends with ErrKeyGone.
	Close() error
}
