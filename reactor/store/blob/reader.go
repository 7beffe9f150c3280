package blob

import (
	"crypto/sha256"
	"hash"
	"io"
	"os"
)

// Reader reads a blob from its beginning to its end. It is for one goroutine at a time.
type Reader struct {
	file   *os.File
	digest Digest
	hash   hash.Hash
}

// Open opens a blob. It fails with fs.ErrNotExist if there is no such blob. A blob that is deleted meanwhile can be read to
// its end.
func (d *Dir) Open(digest Digest) (*Reader, error) {
	f, err := os.Open(d.blobPath(digest))
	if err != nil {
		return nil, err
	}
	return &Reader{f, digest, sha256.New()}, nil
}

// Read implements io.Reader. At the end it fails with ErrMismatch instead of io.EOF if the bytes are damaged.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.hash.Write(p[:n])
	if err == io.EOF && Digest(r.hash.Sum(nil)) != r.digest {
		err = ErrMismatch
	}
	return n, err
}

// Close implements io.Closer.
func (r *Reader) Close() error { return r.file.Close() }
