package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// TLSFiles name what the daemon shows its clients, and whom it trusts.
type TLSFiles struct {
	Cert, Key string // PEM, the certificate's chain after it; both empty: no TLS
	ClientCA  string // PEM; empty: clients need no certificate
}

// certificates are TLSFiles as they are now: a handshake that finds the files changed reads them anew,
// so that a renewed certificate needs no restart. What cannot be read is told of once, and what was
// read before stays.
type certificates struct {
	files TLSFiles
	log   *zap.Logger

	mu     sync.Mutex
	config *tls.Config
	seen   [3]stamp // of the files, when they were read last
	failed bool     // that did not go well, and was told
}

// stamp is what tells a file from what it was.
type stamp struct {
	changed time.Time
	info    fs.FileInfo
}

// LoadTLS reads the files and returns a configuration that follows their changes.
func LoadTLS(files TLSFiles, log *zap.Logger) (*tls.Config, error) {
	c := &certificates{files: files, log: log}
	c.seen = c.stamps()
	config, err := c.load()
	if err != nil {
		return nil, err
	}
	c.config = config
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}, nil
}

// load reads the files. Sessions are not resumed, or one begun under another authority could be.
func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	config := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		Certificates:           []tls.Certificate{pair},
		NextProtos:             []string{"h2"},
		SessionTicketsDisabled: true,
	}
	if c.files.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-client-ca: %s has no certificate in PEM", c.files.ClientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}

// current is the configuration of the files as they are now, or were when they were last good.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.stamps()
	same := sameStamps(now, c.seen)
	if same && !c.failed {
		return c.config
	}
	c.seen = now
	config, err := c.load()
	switch {
	case err == nil:
		c.config, c.failed = config, false
		c.log.Info("the certificate's files have changed, and were read")
	case !same: // or they were told of when they became as they are
		c.failed = true
		c.log.Error("the certificate's files have changed and are of no use: what was read before stays", zap.Error(err))
	}
	return c.config
}

func (c *certificates) stamps() (list [3]stamp) {
	for i, path := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			list[i] = stamp{info.ModTime(), info}
		} else if !errors.Is(err, fs.ErrNotExist) {
			list[i].changed = time.Unix(1, 0) // not as if it were not there
		}
	}
	return list
}

func sameStamps(a, b [3]stamp) bool {
	for i := range a {
		x, y := a[i], b[i]
		if (x.info == nil) != (y.info == nil) || !x.changed.Equal(y.changed) {
			return false
		}
		if x.info != nil && (x.info.Size() != y.info.Size() || !os.SameFile(x.info, y.info)) {
			return false
		}
	}
	return true
}
