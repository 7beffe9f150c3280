package access

import (
	"crypto/tls"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// A file system that does not answer delays one handshake by a second, and the certificates stay in use meanwhile.
func TestHangingFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		answers := make(chan struct{})
		before := &tls.Config{MinVersion: tls.VersionTLS13}
		c := &certificates{
			log: zap.New(core), config: before,
			stat: func(string) (fs.FileInfo, error) { <-answers; return nil, fs.ErrNotExist },
		}
		begin := time.Now()
		for range 3 {
			if c.current() != before {
				t.Error("the certificates are gone")
			}
		}
		if took := time.Since(begin); took != patience {
			t.Errorf("three handshakes took %v", took)
		}
		close(answers)
		synctest.Wait()
		if c.current() != before {
			t.Error("the certificates are gone afterwards")
		}
		var told []string
		for _, entry := range logs.All() {
			told = append(told, entry.Message)
		}
		if len(told) != 2 || told[1] != "the certificate's files can be read again" {
			t.Errorf("the log has %q", told)
		}
	})
}
