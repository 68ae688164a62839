package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const (
	// atOnce is how many check-ins are under way at any time. Each Mac keeps its
	// connection, as the daemon does, and they take turns.
	atOnce   = 32
	loadTime = 20 * time.Second
	// perHalf is how often a Mac checks in at most in half the time: the server
	// takes 30 at once and two a second from each.
	perHalf = 20
)

// load is what came of many check-ins.
type load struct {
	checkIns             int64
	took                 time.Duration
	times                []time.Duration
	server, database     time.Duration // processor time
	before, middle, last int64         // bytes resident
}

func (l load) rate() float64                      { return float64(l.checkIns) / l.took.Seconds() }
func (l load) each(d time.Duration) time.Duration { return d / time.Duration(max(l.checkIns, 1)) }

// connect opens the connection of a Mac, with its certificate.
func (a *authority) connect(ctx context.Context, m *measured, url string) error {
	host := strings.TrimPrefix(url, "https://")
	pair := tls.Certificate{Certificate: [][]byte{m.certificate}, PrivateKey: a.shared}
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, //nolint:gosec // the server is this program's own
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }}}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	m.conn, m.reader, m.host = conn, bufio.NewReaderSize(conn, 1024), host
	return nil
}

// checkIn sends the next one, and keeps what the Mac would.
func (m *measured) checkIn() error {
	body, err := m.next(time.Now())
	if err != nil {
		return err
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", wire.CheckInPath, m.host, len(body))
	if _, err := m.conn.Write(append([]byte(head), body...)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(m.reader, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("check-in %d of Mac %d: %s: %s", m.seq, m.number, resp.Status, text)
	}
	if !bytes.Contains(text, []byte(`"token"`)) {
		return nil
	}
	var out wire.CheckInAnswer
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	m.token = out.Token
	return nil
}

// inTurn has the Macs check in, 32 at once, in turn and again, until the time is
// over; or each once, where there is none.
func inTurn(ctx context.Context, macs []*measured, until time.Time, before func(ctx context.Context, m *measured) error) (times []time.Duration, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for k := range min(atOnce, len(macs)) {
		g.Go(func() error {
			var own []time.Duration
			defer func() { mu.Lock(); times = append(times, own...); mu.Unlock() }()
			for i := k; until.IsZero() && i < len(macs) || time.Now().Before(until) && i < perHalf*len(macs); i += atOnce {
				m := macs[i%len(macs)]
				if before != nil {
					if err := before(ctx, m); err != nil {
						return err
					}
				}
				began := time.Now()
				if err := m.checkIn(); err != nil {
					return err
				}
				own = append(own, time.Since(began))
			}
			return ctx.Err()
		})
	}
	return times, g.Wait()
}

// measure drives the server with check-ins, after each Mac has had its first.
func (a *authority) measure(ctx context.Context, s *orgServer, postgres int, macs []*measured) (l load, err error) {
	open := func(ctx context.Context, m *measured) error { return a.connect(ctx, m, s.devices) }
	if _, err := inTurn(ctx, macs, time.Time{}, open); err != nil {
		return l, err
	}
	cpu := func() (server, database time.Duration) {
		server, err1 := used(s.cmd.Process.Pid, false)
		var err2 error
		if postgres != 0 {
			database, err2 = used(postgres, true)
		}
		err = errors.Join(err, err1, err2)
		return server, database
	}
	memory := func() (n int64) {
		n, err1 := s.resident()
		err = errors.Join(err, err1)
		return n
	}
	server, database := cpu()
	l.before = memory()
	began := time.Now()
	for half := range 2 {
		times, err := inTurn(ctx, macs, began.Add(time.Duration(half+1)*loadTime/2), nil)
		if err != nil {
			return l, err
		}
		l.checkIns, l.times = l.checkIns+int64(len(times)), append(l.times, times...)
		if half == 0 {
			l.middle = memory()
		}
	}
	l.took, l.last = time.Since(began), memory()
	serverAfter, databaseAfter := cpu()
	l.server, l.database = serverAfter-server, databaseAfter-database
	return l, err
}
