package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store/blob"
)

func open(t *testing.T, dir string, bound int64) *blob.Dir {
	t.Helper()
	d, err := blob.Open(dir, bound)
	check(t, err)
	return d
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// put uploads data, in two goes.
func put(t *testing.T, d *blob.Dir, data []byte) blob.Digest {
	t.Helper()
	digest := sha256.Sum256(data)
	for _, part := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
		u, err := d.Upload(t.Context(), digest, int64(len(data)))
		check(t, err)
		_, err = u.Write(part)
		check(t, err)
		if u.Offset() == int64(len(data)) {
			check(t, u.Commit())
			if !u.Placed() {
				t.Error("a committed upload is not in its place")
			}
		}
		check(t, u.Close())
	}
	return digest
}

func name(digest blob.Digest) string { return hex.EncodeToString(digest[:]) }

func TestBlob(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, 1<<20)
	data := bytes.Repeat([]byte("data"), 1000)
	digest := put(t, d, data)
	for range 2 {
		got, err := d.Read(digest)
		check(t, err)
		if !bytes.Equal(got, data) {
			t.Error("other bytes came back")
		}
		d = open(t, dir, 1<<20)
	}
	refused := errors.New("refused")
	wantIs(t, "a refused deletion", d.Delete(t.Context(), digest, func() error { return refused }), refused)
	_, err := d.Read(digest)
	check(t, err)
	check(t, d.Delete(t.Context(), digest, func() error { return nil }))
	_, err = d.Read(digest)
	wantIs(t, "a deleted blob", err, fs.ErrNotExist)
	if d.Bytes() != 0 {
		t.Errorf("%d bytes are left", d.Bytes())
	}
}

func TestDecay(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, 1<<20)
	digest := put(t, d, []byte("data"))
	check(t, os.WriteFile(filepath.Join(dir, "blobs", name(digest)), []byte("dat!"), 0o600))
	_, err := d.Read(digest)
	wantIs(t, "Read", err, blob.ErrMismatch)

	// An upload of it finds that out at Commit, and drops the blob; the next one starts over.
	u, err := d.Upload(t.Context(), digest, 4)
	check(t, err)
	if !u.Placed() || u.Offset() != 4 {
		t.Errorf("placed %t, offset %d", u.Placed(), u.Offset())
	}
	wantIs(t, "Commit", u.Commit(), blob.ErrMismatch)
	_, err = u.Write([]byte("x"))
	wantIs(t, "Write after that", err, fs.ErrClosed)
	check(t, u.Close())
	put(t, d, []byte("data"))
}

// Files that are no blobs, as a file system check may leave, do not disturb.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	digest := put(t, open(t, dir, 1<<20), []byte("data"))
	check(t, os.WriteFile(filepath.Join(dir, "blobs", "README"), nil, 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "uploads", name(blob.Digest{})), 0o700))
	d := open(t, dir, 1<<20)
	check(t, d.Sweep(t.Context(), func(blob.Digest) bool { return false }))
	_, err := d.Read(digest)
	wantIs(t, "a swept blob", err, fs.ErrNotExist)
	if _, err := os.Stat(filepath.Join(dir, "blobs", "README")); err != nil {
		t.Error(err)
	}
	if d.Bytes() != 0 {
		t.Errorf("%d bytes are left", d.Bytes())
	}
}

func TestRoom(t *testing.T) {
	const size = 10_000
	data := func(i byte) []byte { return bytes.Repeat([]byte{i}, size) }
	digest := func(i byte) blob.Digest { return sha256.Sum256(data(i)) }
	dir := t.TempDir()
	d := open(t, dir, 3*(size+5_000))
	begin := func(i byte) (*blob.Upload, error) { return d.Upload(t.Context(), digest(i), size) }
	broken := func(i byte) {
		t.Helper()
		u, err := begin(i)
		check(t, err)
		_, err = u.Write(data(i))
		check(t, err)
		check(t, u.Close())
	}
	broken(1)
	broken(2)
	third, err := begin(3)
	check(t, err)
	u, err := begin(4) // in place of 1, which broke off first
	check(t, err)
	for i, want := range map[byte]bool{1: false, 2: true, 3: true} {
		_, err := os.Stat(filepath.Join(dir, "uploads", name(digest(i))))
		if (err == nil) != want {
			t.Errorf("upload %d: %v", i, err)
		}
	}
	second, err := begin(2) // is resumed: nobody may take its place now
	check(t, err)
	_, err = begin(5)
	wantIs(t, "an upload without room", err, blob.ErrFull)
	check(t, second.Commit())
	check(t, second.Close())
	_, err = begin(5)
	wantIs(t, "an upload without room", err, blob.ErrFull)
	check(t, third.Discard())
	check(t, u.Close())
	put(t, d, data(5))
	put(t, d, data(6)) // in place of 4

	d = reopen(t, dir, 3*(size+5_000), d.Bytes())
	_, err = d.Upload(t.Context(), digest(7), size)
	wantIs(t, "an upload without room after reopening", err, blob.ErrFull)
}

// An upload that finds no room to go on keeps what it has.
func TestNoRoomToGoOn(t *testing.T) {
	d := open(t, t.TempDir(), 27_000)
	data := bytes.Repeat([]byte("x"), 10_000)
	digest := sha256.Sum256(data)
	u, err := d.Upload(t.Context(), digest, 10_000)
	check(t, err)
	_, err = u.Write(data[:5_000])
	check(t, err)
	check(t, u.Close())
	other := put(t, d, bytes.Repeat([]byte("y"), 10_000))
	_, err = d.Upload(t.Context(), digest, 10_000)
	wantIs(t, "an upload without room", err, blob.ErrFull)
	check(t, d.Delete(t.Context(), other, func() error { return nil }))
	u, err = d.Upload(t.Context(), digest, 10_000)
	check(t, err)
	if u.Offset() != 5_000 {
		t.Errorf("offset %d, want 5000", u.Offset())
	}
	check(t, u.Close())
}

// reopen opens the directory again, and checks that it counts what was counted before.
func reopen(t *testing.T, dir string, bound, bytes int64) *blob.Dir {
	t.Helper()
	d := open(t, dir, bound)
	if d.Bytes() != bytes {
		t.Errorf("%d bytes after reopening, %d before", d.Bytes(), bytes)
	}
	return d
}

func TestOneOwner(t *testing.T) {
	d := open(t, t.TempDir(), 1<<20)
	data := []byte("data")
	digest := sha256.Sum256(data)
	u, err := d.Upload(t.Context(), digest, 4)
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	wantIs(t, "Delete", d.Delete(ctx, digest, func() error { return errors.New("it ran") }), context.DeadlineExceeded)
	deleted := make(chan error, 1)
	go func() { deleted <- d.Delete(t.Context(), digest, func() error { return nil }) }()
	_, err = u.Write(data)
	check(t, err)
	check(t, u.Commit())
	check(t, u.Close())
	check(t, u.Close())
	check(t, <-deleted)
	_, err = d.Read(digest)
	wantIs(t, "Read", err, fs.ErrNotExist)
}

func TestIncomplete(t *testing.T) {
	d := open(t, t.TempDir(), 1<<20)
	u, err := d.Upload(t.Context(), blob.Digest{}, 4)
	check(t, err)
	_, err = u.Write([]byte("dat"))
	check(t, err)
	wantIs(t, "Commit", u.Commit(), io.ErrUnexpectedEOF)
	_, err = u.Write([]byte("aa"))
	wantIs(t, "Write", err, blob.ErrTooLong)
	_, err = u.Write([]byte("a"))
	check(t, err)
	wantIs(t, "Commit of wrong bytes", u.Commit(), blob.ErrMismatch)
	check(t, u.Discard())
	if d.Bytes() != 0 {
		t.Errorf("%d bytes are left", d.Bytes())
	}
}
