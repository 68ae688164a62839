package tlscert

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often files are looked at, at most.
const lookEvery = 10 * time.Second

// Files is a certificate in two PEM files, read again when they change. A pair
// that cannot be read is told of, and the one before it stays.
type Files struct {
	cert, key string
	log       *zap.Logger
	now       func() time.Time

	mu     sync.Mutex
	pair   *tls.Certificate
	looked time.Time
	state  string // of the files that were read last
}

// OpenFiles reads a certificate with its chain, and its key.
func OpenFiles(cert, key string, log *zap.Logger, now func() time.Time) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log, now: now, looked: now()}
	f.state = f.look()
	pair, err := f.load()
	f.pair = pair
	return f, err
}

func (f *Files) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("read the TLS certificate %s and its key %s: %w", f.cert, f.key, err)
	}
	return &pair, nil
}

// look is what changes when a file is another one.
func (f *Files) look() (state string) {
	for _, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return "" // between two files: it is looked at again
		}
		state += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
	}
	return state
}

// GetCertificate is for tls.Config.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if since := now.Sub(f.looked); since >= 0 && since < lookEvery {
		return f.pair, nil
	}
	f.looked = now
	state := f.look()
	if state == "" || state == f.state {
		return f.pair, nil
	}
	pair, err := f.load()
	if err != nil {
		f.log.Error("the new TLS certificate cannot be used, the one before it stays", zap.Error(err))
		return f.pair, nil
	}
	f.state, f.pair = state, pair
	f.log.Info("a new TLS certificate was read", zap.String("file", f.cert), zap.Time("not_after", pair.Leaf.NotAfter))
	return f.pair, nil
}

// errNoName is a handshake without a name, which ACME cannot serve.
var errNoName = errors.New("the client names no server: it must connect by the name in the certificate")
