package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"oras.land/oras-go/v2/registry/remote"
)

const (
	// resumeTries is how often in a row a transfer is begun again that then brings nothing.
	resumeTries = 4
	// resumePause is the wait before the first of them; each later one waits twice as long.
	resumePause = 500 * time.Millisecond
	// copyBuffer is how much is read at a time.
	copyBuffer = 256 << 10
)

var errStalled = errors.New("the registry sends nothing more")

// writeError is an error of the writer, rather than of the registry.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// Copy writes a module to w, from an offset on. A transfer that breaks off goes on where it was. If the offset is 0 the
// digest has been compared when it returns nil; otherwise that is for the caller to do. Errors of w are returned as they are.
func (c *Client) Copy(ctx context.Context, a *Artifact, offset int64, w io.Writer) error {
	repository, err := c.repository(a.Reference)
	if err != nil {
		return err
	}
	t := &transfer{client: c, repository: repository, artifact: a, at: offset, to: w}
	if offset == 0 {
		t.hash = sha256.New()
	}
	if err := t.run(ctx); err != nil {
		return err
	}
	return t.verify()
}

// transfer is a Copy under way.
type transfer struct {
	client     *Client
	repository *remote.Repository
	artifact   *Artifact
	at         int64 // how far it is
	to         io.Writer
	hash       hash.Hash // nil: the caller compares digests
}

// run transfers until all is there, over connections that break off.
func (t *transfer) run(ctx context.Context) error {
	for tries, pause := 0, t.client.pause; t.at < t.artifact.Size; {
		from := t.at
		err := t.connect(ctx)
		if failed, ok := errors.AsType[writeError](err); ok {
			return failed.error
		}
		if err == nil {
			break
		}
		ref := t.artifact.Reference
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if t.at > from {
			tries, pause = 0, t.client.pause
		}
		explained, ok := errors.AsType[*Error](ref.explain(ctx, err))
		if tries++; !ok || explained.Kind != Unreachable || tries > resumeTries {
			return fmt.Errorf("after %d of %d bytes: %w", t.at, t.artifact.Size, ref.explain(ctx, err))
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
	return nil
}

// connect transfers over one connection. It gives the connection up when that brings nothing for too long.
func (t *transfer) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(t.client.stall, func() { cancel(errStalled) })
	defer watch.Stop()
	progress := func() { watch.Reset(t.client.stall) }
	body, err := t.open(ctx, progress)
	if err == nil {
		defer body.Close() //nolint:errcheck // it was only read
		err = t.read(body, progress)
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		return t.artifact.Reference.errorf(Unreachable, "%w", errStalled)
	}
	return err
}

// open asks for the module from where the transfer is. If the registry sends all of it again, the beginning is left out.
func (t *transfer) open(ctx context.Context, progress func()) (io.ReadCloser, error) {
	body, err := t.repository.Blobs().Fetch(ctx, t.artifact.layer)
	if err != nil || t.at == 0 {
		return body, err
	}
	if ranged, ok := body.(io.Seeker); ok {
		if _, err := ranged.Seek(t.at, io.SeekStart); err == nil {
			return body, nil
		}
	}
	if _, err = io.CopyN(progressWriter(progress), body, t.at); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// progressWriter calls a function at each write, and keeps nothing.
type progressWriter func()

func (w progressWriter) Write(b []byte) (int, error) {
	w()
	return len(b), nil
}

// read reads the rest of the module, and nothing beyond.
func (t *transfer) read(body io.Reader, onProgress func()) error {
	buffer := make([]byte, copyBuffer)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			onProgress()
			if int64(n) > t.artifact.Size-t.at {
				return t.artifact.Reference.errorf(Untrue, "the registry sends more than the %d bytes that the manifest has announced", t.artifact.Size)
			}
			if _, err := t.to.Write(buffer[:n]); err != nil {
				return writeError{err}
			}
			if t.hash != nil {
				t.hash.Write(buffer[:n])
			}
			t.at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) && t.at == t.artifact.Size:
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return t.artifact.Reference.errorf(Unreachable, "%w", err)
		}
	}
}

func (t *transfer) verify() error {
	if t.hash == nil {
		return nil
	}
	if got := "sha256:" + hex.EncodeToString(t.hash.Sum(nil)); got != t.artifact.Digest {
		return t.artifact.Reference.errorf(Untrue, "the registry has sent bytes with the digest %s instead of %s", got, t.artifact.Digest)
	}
	return nil
}

// sleep waits for a while, or returns why ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
