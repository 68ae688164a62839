package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/metrics"
)

// measure counts what the listeners answer, and gives the counts out at an
// address of their own, without TLS: they name nobody. Without --metrics-listen
// it changes nothing.
func (d *data) measure(o serveOptions, r *running, log *zap.Logger) error {
	if o.metricsListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", o.metricsListen)
	if err != nil {
		return failed(fmt.Errorf("listen for readings of metrics: %w", err), "--metrics-listen takes another address, such as 127.0.0.1:9464")
	}
	m := metrics.New(d.db, d.log, version, d.now)
	r.main.Handler, r.device.Handler = m.Counted("main", r.main.Handler), m.Counted("device", r.device.Handler)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	s := harden(d.logged("metrics", mux, log), log)
	r.beside = append(r.beside, func(ctx context.Context) error {
		log.Info("metrics", zap.String("listen", l.Addr().String()))
		stop := context.AfterFunc(ctx, func() { _ = s.Close() })
		defer stop()
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve metrics at %s: %w", l.Addr(), err)
		}
		return nil
	})
	return nil
}
