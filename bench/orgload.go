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
	// perHalf is how often a Mac checks in at most in half the time, and before
	// that: the server takes 30 at once and two a second from each.
	perHalf = 10
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

// exchange is one request over the Mac's connection, without the work of a whole
// HTTP client, which would take the processor from the server.
func (m *measured) exchange(method, path string, body []byte) ([]byte, error) {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", method, path, m.host, len(body))
	if _, err := m.conn.Write(append([]byte(head), body...)); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(m.reader, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("request %d of Mac %d: %s: %s", m.seq, m.number, resp.Status, text)
	}
	return text, err
}

// checkIn sends the next one, and keeps what the Mac would.
func checkIn(_ context.Context, m *measured) error {
	body, err := m.next(time.Now())
	if err != nil {
		return err
	}
	text, err := m.exchange(http.MethodPost, wire.CheckInPath, body)
	if err != nil || !bytes.Contains(text, []byte(`"token"`)) {
		return err
	}
	var out wire.CheckInAnswer
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	m.token = out.Token
	return nil
}

// inTurn has the Macs do something, 32 at once, in turn and again, until the time
// is over or each has done it so often; 0 is no bound.
func inTurn(ctx context.Context, macs []*measured, until time.Time, often int, do func(ctx context.Context, m *measured) error) (times []time.Duration, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for k := range min(atOnce, len(macs)) {
		g.Go(func() error {
			var own []time.Duration
			defer func() { mu.Lock(); times = append(times, own...); mu.Unlock() }()
			for i := k; time.Now().Before(until) && (often == 0 || i < often*len(macs)); i += atOnce {
				began := time.Now()
				if err := do(ctx, macs[i%len(macs)]); err != nil {
					return err
				}
				own = append(own, time.Since(began))
			}
			return ctx.Err()
		})
	}
	err = g.Wait()
	return times, err
}

// measure drives the server with check-ins, after each Mac has had its first, and
// half the time of the same has gone by: until then the server's memory grows to
// what it needs, and each page that a machine like this one touches for the first
// time costs more than a check-in.
func (a *authority) measure(ctx context.Context, s *orgServer, postgres int, macs []*measured) (l load, err error) {
	first := func(ctx context.Context, m *measured) error {
		if m.seq == 0 { // one that was measured before has its connection
			if err := a.connect(ctx, m, s.devices); err != nil {
				return err
			}
		}
		return checkIn(ctx, m)
	}
	if _, err := inTurn(ctx, macs, time.Now().Add(10*time.Minute), 1, first); err != nil {
		return l, err
	}
	if _, err := inTurn(ctx, macs, time.Now().Add(loadTime/2), perHalf, checkIn); err != nil {
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
		times, err := inTurn(ctx, macs, began.Add(time.Duration(half+1)*loadTime/2), perHalf, checkIn)
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
