package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Copy copies blobs from one folder, which a Dir may use meanwhile, to another, which no Dir uses, and returns those that
// are not there. It fails if it meets one whose bytes are damaged.
func Copy(from, to string, digests []Digest) (missing []Digest, err error) {
	from, to = filepath.Join(from, blobsName), filepath.Join(to, blobsName)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, err
	}
	for _, digest := range digests {
		name := hex.EncodeToString(digest[:])
		err := copyBlob(filepath.Join(from, name), filepath.Join(to, name), digest)
		if errors.Is(err, os.ErrNotExist) {
			missing = append(missing, digest)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, syncDir(to)
}

// copyBlob copies one file, and verifies what it copies.
func copyBlob(from, to string, digest Digest) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if Digest(hash.Sum(nil)) != digest {
		return fmt.Errorf("%s is damaged: its bytes have another digest than its name", from)
	}
	return nil
}
