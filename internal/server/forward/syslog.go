package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Bounds of a syslog message: what every receiver takes at least by TLS (RFC
// 5425 §4.3.1 asks for 8192 where it can be), and what one datagram holds.
const (
	maxMessage  = 8192 // bytes
	maxDatagram = 2048
)

// facility is authpriv (RFC 5424 §6.2.1).
const facility = 10

// closeWithin is how long a receiver is given to close a connection, by which it
// says that it has read all.
const closeWithin = 5 * time.Second

// Syslog sends messages by RFC 5424: over TLS (RFC 5425), TCP in the same
// frames (RFC 6587 §3.4.1), or UDP (RFC 5426), which loses what is lost.
type Syslog struct {
	Network string // "tls", "tcp" or "udp"
	Address string // host:port
	TLS     *tls.Config
	Host    string // this server's name, in each message
}

// Name implements Destination.
func (s *Syslog) Name() string { return "syslog+" + s.Network + "://" + s.Address }

// Send implements Destination. A connection is made for each delivery: that the
// receiver closes it in order is the only receipt that syslog knows.
func (s *Syslog) Send(ctx context.Context, events []systemlog.Event) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	for _, e := range events {
		if _, err := conn.Write(s.frame(e)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return s.finish(ctx, conn)
}

func (s *Syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.Network == "tls" {
		return (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
	}
	return (&net.Dialer{}).DialContext(ctx, s.Network, s.Address)
}

// finish says that there is no more, and waits for the other end to say the same.
func (s *Syslog) finish(ctx context.Context, conn net.Conn) error {
	half, can := conn.(interface{ CloseWrite() error })
	if s.Network == "udp" || !can {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	closing, done := context.WithTimeout(ctx, closeWithin)
	defer done()
	late := context.AfterFunc(closing, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) }) // long ago
	defer late()
	_, err := io.Copy(io.Discard, io.LimitReader(conn, 1<<16))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // a receiver that keeps connections open has not refused anything
	}
	return err
}

// frame is a message as the transport wants it: counted in octets, but for UDP.
func (s *Syslog) frame(e systemlog.Event) []byte {
	if s.Network == "udp" {
		return s.message(e, maxDatagram)
	}
	m := s.message(e, maxMessage)
	return append([]byte(strconv.Itoa(len(m))+" "), m...)
}

// message is one event (RFC 5424 §6). What does not fit whole loses the JSON
// of its text, and keeps what it is found by.
func (s *Syslog) message(e systemlog.Event, most int) []byte {
	head := fmt.Sprintf("<%d>1 %s %s latchkey-server - %s ", facility*8+level(e.Severity), e.Published.UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
		printable(s.Host, 255), messageID(e.Type))
	data := structured(e)
	whole, err := json.Marshal(e.Entry())
	if full := head + data + " \ufeff" + string(whole); err == nil && len(full) <= most {
		return []byte(full)
	}
	short := head + data + " \ufeff" + e.Message
	if len(short) > most {
		short = strings.ToValidUTF8(short[:most], "")
	}
	return []byte(short)
}

// level is the severity (RFC 5424 §6.2.1).
func level(severity string) int {
	switch severity {
	case systemlog.Error:
		return 3
	case systemlog.Warn:
		return 4
	}
	return 6
}

// messageID is the end of an event's type, which has room for 32 characters. The
// whole is in the structured data.
func messageID(kind string) string {
	id := strings.TrimPrefix(printable(kind, 255), "device.desktop_mfa.")
	if len(id) > 32 {
		id = id[len(id)-32:]
		if _, rest, found := strings.Cut(id, "."); found {
			id = rest
		}
	}
	return id
}

// printable is a header's field: printable ASCII without spaces, or nil's "-".
func printable(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		if r > ' ' && r < 0x7f && b.Len() < most {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// structured is the structured data (RFC 5424 §6.3), under the enterprise number
// that documentation has (RFC 5612): there is none of our own.
func structured(e systemlog.Event) string {
	var b bytes.Buffer
	b.WriteString("[latchkey@32473")
	target := ""
	if len(e.Targets) > 0 {
		target = e.Targets[0].Type + ":" + e.Targets[0].ID
	}
	for _, p := range [][2]string{{"seq", strconv.FormatUint(e.Seq, 10)}, {"id", e.ID}, {"type", e.Type}, {"outcome", e.Outcome.Result}, {"reason", e.Outcome.Reason},
		{"actor", e.Actor.AlternateID}, {"target", target}, {"hash", e.Hash}} {
		if p[1] != "" {
			fmt.Fprintf(&b, ` %s="%s"`, p[0], value(p[1]))
		}
	}
	b.WriteString("]")
	return b.String()
}

// value is a parameter's, escaped, of 200 bytes at most.
func value(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, string(utf8.RuneError)) {
		if b.Len() > 200 {
			break
		}
		switch {
		case r == '"' || r == '\\' || r == ']':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
