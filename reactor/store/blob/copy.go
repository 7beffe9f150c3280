package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Verify reads a blob of a folder, which a Dir may use meanwhile. It fails with fs.ErrNotExist if there is none, with
// ErrMismatch if its bytes are damaged, and with another error if they cannot be read.
func Verify(dir string, digest Digest) error {
	in, err := os.Open(pathIn(dir, digest))
	if err != nil {
		return err
	}
	defer in.Close()
	found, err := digestOf(in)
	if err == nil && found != digest {
		err = ErrMismatch
	}
	return err
}

// Copy copies a blob from one folder, which a Dir may use meanwhile, to another, which no Dir uses. fault is what Verify
// would say of the blob, which is not copied then; err is a failure of the copy.
func Copy(from, to string, digest Digest) (fault, err error) {
	source, target := pathIn(from, digest), pathIn(to, digest)
	in, err := os.Open(source)
	if err != nil {
		return err, nil
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	switch path, ok := errors.AsType[*fs.PathError](err); {
	case ok && path.Path == source:
		fault, err = err, nil
	case err == nil && Digest(hash.Sum(nil)) != digest:
		fault = ErrMismatch
	}
	if fault != nil {
		return fault, errors.Join(out.Close(), os.Remove(target))
	}
	return nil, errors.Join(err, out.Sync(), out.Close())
}

// Create makes the folder that Copy copies to.
func Create(dir string) error { return os.MkdirAll(filepath.Join(dir, blobsName), 0o700) }

// Sync makes what Copy copied to a folder durable.
func Sync(dir string) error { return errors.Join(syncDir(filepath.Join(dir, blobsName)), syncDir(dir)) }

// pathIn is the path of a blob in a folder.
func pathIn(dir string, digest Digest) string {
	return filepath.Join(dir, blobsName, hex.EncodeToString(digest[:]))
}
