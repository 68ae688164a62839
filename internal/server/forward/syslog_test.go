package forward

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	gosyslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// hostile is an event in which each text tries to be more than it is.
func hostile() systemlog.Event {
	evil := "a\"] [x@1 y=\"z\"\n<13>1 - - - - - - \\ \x00 ünï"
	return systemlog.Event{Type: systemlog.PINGenerate, Severity: systemlog.Warn, Message: evil, Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: evil},
		Actor: systemlog.Actor{ID: "1", Type: "User", AlternateID: evil}, Targets: []systemlog.Target{{ID: "osa1", Type: "OSAccount", DisplayName: evil}}, Detail: map[string]string{"reason": evil}}
}

// sentBy has a Syslog send one event that came out of a log.
func sentBy(t *testing.T, s *Syslog, e systemlog.Event) systemlog.Event {
	t.Helper()
	h := newHouse(t)
	f := h.server("a", s)
	if err := turns(t, f, 1); err != nil {
		t.Fatal(err)
	}
	h.append(e)
	if err := turns(t, f, 1); err != nil {
		t.Fatal(err)
	}
	if got := h.standing(); got.Seq != 1 {
		t.Fatalf("%+v", got)
	}
	e.Seq = 1
	return e
}

// reads checks a message by a parser that others wrote.
func reads(t *testing.T, m gosyslog.Message, e systemlog.Event) {
	t.Helper()
	got, ok := m.(*rfc5424.SyslogMessage)
	if !ok || got.Hostname == nil || got.MsgID == nil || got.StructuredData == nil || got.Message == nil {
		t.Fatalf("%+v", m)
	}
	if *got.Facility != facility || *got.Severity != 4 || *got.Hostname != "server.example" || *got.Appname != "latchkey-server" || *got.MsgID != "recovery_pin.generate" {
		t.Errorf("facility %d, severity %d, host %s, app %s, message id %s", *got.Facility, *got.Severity, *got.Hostname, *got.Appname, *got.MsgID)
	}
	data := (*got.StructuredData)["latchkey@32473"]
	if len(*got.StructuredData) != 1 || data["type"] != e.Type || data["seq"] != "1" || data["outcome"] != "DENY" || !strings.HasPrefix(data["actor"], "a\"] [x@1 y=\"z\"") || data["target"] != "OSAccount:osa1" || len(data["hash"]) != 64 {
		t.Errorf("structured data %q", *got.StructuredData)
	}
	var entry systemlog.Entry
	if err := json.Unmarshal([]byte(strings.TrimPrefix(*got.Message, "\ufeff")), &entry); err != nil || entry.EventType != e.Type || entry.DisplayMessage != strings.ToValidUTF8(e.Message, "\ufffd") {
		t.Errorf("%v: %s", err, *got.Message)
	}
}

func TestSyslogOverTLSAndTCP(t *testing.T) {
	pair, roots := certificate(t)
	for _, network := range []string{"tls", "tcp"} {
		var l net.Listener
		var err error
		if network == "tls" {
			l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
		} else {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan []byte, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			raw, _ := io.ReadAll(bufio.NewReader(conn))
			conn.Close()
			received <- raw
		}()
		e := sentBy(t, &Syslog{Network: network, Address: l.Addr().String(), TLS: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}, Host: "server.example"}, hostile())
		count := 0
		octetcounting.NewParser(gosyslog.WithListener(func(r *gosyslog.Result) {
			if count++; r.Error != nil {
				t.Fatalf("%s: %v", network, r.Error)
			}
			reads(t, r.Message, e)
		})).Parse(bytes.NewReader(<-received))
		if count != 1 {
			t.Errorf("%s: %d messages", network, count)
		}
		l.Close()
	}
}

func TestSyslogOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e := sentBy(t, &Syslog{Network: "udp", Address: conn.LocalAddr().String(), Host: "server.example"}, hostile())
	buffer := make([]byte, 1<<16)
	n, _, err := conn.ReadFrom(buffer)
	if err != nil || n > maxDatagram {
		t.Fatal(n, err)
	}
	m, err := rfc5424.NewParser().Parse(buffer[:n])
	if err != nil {
		t.Fatalf("%v: %s", err, buffer[:n])
	}
	reads(t, m, e)
}

// TestReceiversThatAreNone: each is a failure, and nothing is taken as sent.
func TestReceiversThatAreNone(t *testing.T) {
	pair, _ := certificate(t)
	stranger, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		for {
			conn, err := stranger.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake(); conn.Close() }()
		}
	}()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, s := range map[string]*Syslog{
		"nobody listens":                       {Network: "tcp", Address: closed.Addr().String()},
		"whose certificate nobody vouches for": {Network: "tls", Address: stranger.Addr().String(), TLS: &tls.Config{ServerName: "127.0.0.1"}},
	} {
		h := newHouse(t)
		f := h.server("a", s)
		f.Whole = true
		h.happens(1)
		if err := turns(t, f, 1); err == nil || h.standing().Seq != 0 || h.standing().Trouble == "" {
			t.Errorf("%s: %v, %+v", name, err, h.standing())
		}
	}
}

// TestWhatIsTooLongKeepsItsHead: a receiver cuts what is longer than it takes,
// and would cut JSON in two.
func TestWhatIsTooLongKeepsItsHead(t *testing.T) {
	e := hostile()
	e.Published, e.Detail = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), map[string]string{"long": strings.Repeat("x", 3*maxMessage)}
	raw := (&Syslog{Host: "h"}).message(e, maxMessage)
	m, err := rfc5424.NewParser().Parse(raw)
	if err != nil || len(raw) > maxMessage {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	if data := *m.(*rfc5424.SyslogMessage).StructuredData; data["latchkey@32473"]["type"] != e.Type {
		t.Errorf("%q", data)
	}
}

// FuzzMessage: whatever an event holds, a message is one by RFC 5424, and holds
// one set of structured data.
func FuzzMessage(f *testing.F) {
	f.Add("type", "text", "reason\"]", "actor", "host", 8192)
	f.Add("", "\xff\n", "\\", "[", "", 2048)
	f.Fuzz(func(t *testing.T, kind, text, reason, actor, host string, most int) {
		if most < maxDatagram || most > maxMessage {
			return
		}
		e := systemlog.Event{Type: kind, Message: text, Outcome: systemlog.Outcome{Reason: reason}, Actor: systemlog.Actor{AlternateID: actor}, Published: time.Unix(0, 0)}
		raw := (&Syslog{Host: host}).message(e, most)
		m, err := rfc5424.NewParser().Parse(raw)
		if err != nil || len(raw) > most {
			t.Fatalf("%d bytes: %v: %q", len(raw), err, raw)
		}
		if data := *m.(*rfc5424.SyslogMessage).StructuredData; len(data) != 1 {
			t.Errorf("%q", data)
		}
	})
}

// certificate is a receiver's at 127.0.0.1, and who vouches for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
