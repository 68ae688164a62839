package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// serveEmpty answers everything with an empty 200, over TLS that asks for a
// client's certificate as the device listener does: what any server written so
// costs. It prints its URL and ends with the process that started it.
func serveEmpty() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	fmt.Printf("https://%s\n", on.Addr())
	return s.ServeTLS(on, "", "")
}

// empty is how many empty answers a second 32 Macs get.
func (a *authority) empty(ctx context.Context, macs []*measured) (rate float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "empty")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, fmt.Errorf("start the empty server: %w", err)
	}
	defer func() { err = errors.Join(err, cmd.Process.Kill()); _ = cmd.Wait() }()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("wait for the empty server: %w", err)
	}
	some := macs[:min(atOnce, len(macs))]
	for _, m := range some {
		if err := a.connect(ctx, m, strings.TrimSpace(url)); err != nil {
			return 0, err
		}
		defer m.conn.Close()
	}
	began := time.Now()
	times, err := inTurn(ctx, some, began.Add(loadTime/4), 0, func(_ context.Context, m *measured) error {
		_, err := m.exchange(http.MethodGet, "/", nil)
		return err
	})
	return float64(len(times)) / time.Since(began).Seconds(), err
}
