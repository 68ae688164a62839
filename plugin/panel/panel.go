package panel

import "github.com/latchkey-mfa/latchkey/internal/wire"

// Panel draws one conversation.
type Panel interface {
	// Show replaces the drawn screen. It never blocks.
	Show(wire.Screen)
	// Acts is what the person did. It is closed when the panel can draw no
	// longer.
	Acts() <-chan wire.Act
	// Close removes the panel and gives back what it drew on.
	Close() error
}
