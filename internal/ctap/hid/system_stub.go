//go:build !linux && !darwin

package hid

import (
	"context"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// System lists no keys: only Linux and macOS are known here.
func System() Lister { return nothing{} }

type nothing struct{}

func (nothing) Ports(context.Context) ([]Port, error) { return nil, nil }

func (nothing) Open(context.Context, Port) (ctap.Channel, error) {
	return nil, errors.New("security keys are not known on this system")
}
