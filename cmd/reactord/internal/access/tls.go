package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/smallfile"
)

// TLSFiles names the daemon's certificate and the authorities it trusts.
type TLSFiles struct {
	Cert, Key string // PEM, Cert followed by its chain; both empty: no TLS
	ClientCA  string // PEM; empty: clients need no certificate
}

// certificates follows the contents of TLSFiles: a handshake that finds the files changed reads them again, so
// that a renewed certificate needs no restart. If they cannot be read, that is logged once, and what was read
// before stays in use. So it does while their file system does not answer, which delays a handshake by patience at most.
type certificates struct {
	files TLSFiles
	log   *zap.Logger
	stat  func(string) (fs.FileInfo, error) // os.Stat

	// Of the goroutine that looks at the files; there is one at a time.
	seen   [3]stamp // of the files, when they were last read
	failed bool     // the last read failed, and that was logged

	mu      sync.Mutex
	config  *tls.Config
	looking chan struct{} // closed when that goroutine is done; nil if there is none
	late    bool          // it takes longer than patience, and that was logged
}

// patience is how long a handshake waits for the files.
const patience = time.Second

// stamp identifies a version of a file.
type stamp struct {
	changed time.Time
	info    fs.FileInfo // nil: there was none
}

func (s stamp) same(t stamp) bool {
	if (s.info == nil) != (t.info == nil) || !s.changed.Equal(t.changed) {
		return false
	}
	return s.info == nil || s.info.Size() == t.info.Size() && s.info.Mode() == t.info.Mode() && os.SameFile(s.info, t.info)
}

// LoadTLS reads the files and returns a configuration that follows their changes.
func LoadTLS(files TLSFiles, log *zap.Logger) (*tls.Config, error) {
	c := &certificates{files: files, log: log, stat: os.Stat}
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

// load reads the files. Sessions are not resumed: one could have begun under another authority.
func (c *certificates) load() (*tls.Config, error) {
	pair, err := loadPair(c.files.Cert, c.files.Key)
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
	pem, err := smallfile.ReadRegular(c.files.ClientCA)
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

func loadPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := smallfile.ReadRegular(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := smallfile.ReadRegular(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// current returns the configuration from the files as they are now, or as they were when last valid.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	if c.looking == nil {
		c.looking = make(chan struct{})
		go c.look(c.looking)
	}
	done, late := c.looking, c.late
	c.mu.Unlock()
	if !late {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			c.onLate(done)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config
}

// look reads the files again if they have changed.
func (c *certificates) look(done chan struct{}) {
	config := c.renewed()
	c.mu.Lock()
	defer c.mu.Unlock()
	if config != nil {
		c.config = config
	}
	if c.late {
		c.log.Info("the certificate's files can be read again")
	}
	c.looking, c.late = nil, false
	close(done)
}

// onLate notes that who looks at the files has taken too long.
func (c *certificates) onLate(done chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looking == done && !c.late {
		c.late = true
		c.log.Error("the certificate's files do not answer: the certificates read before stay in use")
	}
}

// renewed returns the configuration from files that have changed, or nil.
func (c *certificates) renewed() *tls.Config {
	now := c.stamps()
	same := slices.EqualFunc(now[:], c.seen[:], stamp.same)
	if same && !c.failed {
		return nil
	}
	c.seen = now
	config, err := c.load()
	switch {
	case err == nil:
		c.failed = false
		c.log.Info("the certificate's files have changed and were read again")
		return config
	case !same: // the same files failed before, and that was logged
		c.failed = true
		c.log.Error("the certificate's files have changed and cannot be used: the certificates read before stay in use", zap.Error(err))
	}
	return nil
}

func (c *certificates) stamps() (list [3]stamp) {
	for i, path := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if info, err := c.stat(path); err == nil {
			list[i] = stamp{info.ModTime(), info}
		} else if !errors.Is(err, fs.ErrNotExist) {
			list[i].changed = time.Unix(1, 0) // differs from a file that is not there
		}
	}
	return list
}
