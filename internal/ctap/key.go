package ctap

import (
	"context"
	"fmt"
	"slices"
)

// The commands (CTAP 2.1 §6).
const (
	cmdMakeCredential = 0x01
	cmdGetAssertion   = 0x02
	cmdGetInfo        = 0x04
	cmdClientPIN      = 0x06
	cmdSelection      = 0x0B
)

// Key is an authenticator that has said what it can do. It is used by one
// conversation at a time.
type Key struct {
	channel Channel
	info    Info
}

// Open asks a key what it can do. A key of U2F alone is ErrNotFIDO2. The
// channel stays the caller's to close after an error.
func Open(ctx context.Context, ch Channel) (*Key, error) {
	k := &Key{channel: ch, info: Info{MaxMessage: minMaxMessage}}
	answer, err := k.ask(ctx, cmdGetInfo, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the key what it can do: %w", err)
	}
	if k.info, err = parseInfo(answer); err != nil {
		return nil, fmt.Errorf("ask the key what it can do: %w", err)
	}
	if err := k.info.speaksFIDO2(); err != nil {
		return nil, err
	}
	return k, nil
}

// Info is what the key said of itself when it was opened.
func (k *Key) Info() Info {
	i := k.info
	i.Versions, i.Transports = slices.Clone(i.Versions), slices.Clone(i.Transports)
	i.PINProtocols, i.Algorithms = slices.Clone(i.PINProtocols), slices.Clone(i.Algorithms)
	return i
}

// Close ends the channel to the key.
func (k *Key) Close() error { return k.channel.Close() }

// ask sends a command and gives the CBOR of the answer, which may be empty. A
// status other than success is a *StatusError.
func (k *Key) ask(ctx context.Context, command byte, parameters any, waiting func(Waiting)) ([]byte, error) {
	message := []byte{command}
	if parameters != nil {
		body, err := encodeCBOR(parameters)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		message = append(message, body...)
	}
	if len(message) > k.info.MaxMessage {
		return nil, fmt.Errorf("%w: the request has %d bytes, the key takes %d", ErrUnable, len(message), k.info.MaxMessage)
	}
	answer, err := k.channel.Do(ctx, message, waiting)
	if err != nil {
		return nil, err
	}
	if len(answer) == 0 || len(answer) > MaxMessage {
		return nil, nonsense("an answer of %d bytes", len(answer))
	}
	if answer[0] != statusOK {
		return nil, &StatusError{Code: answer[0]}
	}
	return answer[1:], nil
}
