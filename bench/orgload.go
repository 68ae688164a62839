package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
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

// ready gives each Mac its connection and its first check-in, and lets half the
// time go by with further ones: until then the server's memory grows to what it
// needs, and each page that a machine like this one touches for the first time
// costs more than a check-in.
func (o *org) ready(ctx context.Context, macs []*measured) error {
	first := func(ctx context.Context, m *measured) error {
		if m.seq == 0 { // one that was measured before has its connection
			if err := o.authority.connect(ctx, m, o.server.devices); err != nil {
				return err
			}
		}
		return checkIn(ctx, m)
	}
	if _, err := inTurn(ctx, macs, time.Now().Add(10*time.Minute), 1, first); err != nil {
		return err
	}
	_, err := inTurn(ctx, macs, time.Now().Add(loadTime/2), perHalf, checkIn)
	return err
}

// drive has the Macs do something until the time is over, or so often each.
func (o *org) drive(ctx context.Context, macs []*measured, until time.Time, often int, do func(context.Context, *measured) error) (l load, err error) {
	server, database, err := o.used()
	if err != nil {
		return l, err
	}
	began := time.Now()
	if l.times, err = inTurn(ctx, macs, until, often, do); err != nil {
		return l, err
	}
	l.took, l.checkIns = time.Since(began), int64(len(l.times))
	serverAfter, databaseAfter, err := o.used()
	l.server, l.database = serverAfter-server, databaseAfter-database
	return l, err
}

// add takes what came of more of the same.
func (l *load) add(more load) {
	l.checkIns, l.took, l.times = l.checkIns+more.checkIns, l.took+more.took, append(l.times, more.times...)
	l.server, l.database = l.server+more.server, l.database+more.database
}

// used is the processor time of the org's server and of its database so far.
func (o *org) used() (server, database time.Duration, err error) {
	server, err = used(o.server.cmd.Process.Pid, false)
	if o.postgres != 0 && err == nil {
		database, err = used(o.postgres, true)
	}
	return server, database, err
}

// full has all Macs of the org check in, and looks at the server's memory.
func (o *org) full(ctx context.Context) (l load, err error) {
	if err := o.ready(ctx, o.macs); err != nil {
		return l, err
	}
	var memory [3]int64
	if memory[0], err = o.server.resident(); err != nil {
		return l, err
	}
	for half := range 2 {
		more, err := o.drive(ctx, o.macs, time.Now().Add(loadTime/2), perHalf, checkIn)
		if err != nil {
			return l, err
		}
		l.add(more)
		if memory[half+1], err = o.server.resident(); err != nil {
			return l, err
		}
	}
	l.before, l.middle, l.last = memory[0], memory[1], memory[2]
	return l, nil
}

// anew has Macs check in over connections of their own, which they open for it,
// as those do that come every quarter of an hour: neither side keeps one so long.
func (o *org) anew(ctx context.Context) (load, error) {
	o.hangUp()
	return o.drive(ctx, o.macs, time.Now().Add(loadTime/2), 1, func(ctx context.Context, m *measured) error {
		if err := o.authority.connect(ctx, m, o.server.devices); err != nil {
			return err
		}
		defer m.conn.Close()
		return checkIn(ctx, m)
	})
}
