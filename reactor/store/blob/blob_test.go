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
	"testing/synctest"
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
		u, err := d.Upload(digest, int64(len(data)), me)
		check(t, err)
		_, err = u.Write(part)
		check(t, err)
		if u.Offset() == int64(len(data)) {
			check(t, commit(t, u))
		}
		check(t, u.Close())
	}
	return digest
}

// me is who uploads in these tests, if it does not matter.
var me = blob.Resume{Sender: "me"}

// commit commits an upload that nobody else has to know of.
func commit(t *testing.T, u *blob.Upload) error {
	return u.Commit(t.Context(), func() error { return nil })
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

// A blob that has decayed, or is gone, is not sound, and an upload replaces it; a sound one stays.
func TestDecay(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, 1<<20)
	digest := put(t, d, []byte("data"))
	path := filepath.Join(dir, "blobs", name(digest))
	wantSound := func(want bool) {
		t.Helper()
		got, err := d.Sound(t.Context(), digest)
		check(t, err)
		if got != want {
			t.Errorf("sound: %t, want %t", got, want)
		}
	}
	wantSound(true)
	for _, damage := range []func(){
		func() { check(t, os.WriteFile(path, []byte("dat!"), 0o600)) },
		func() { check(t, os.WriteFile(path, []byte("dat"), 0o600)) },
		func() { check(t, os.WriteFile(path, nil, 0o600)) },
		func() { check(t, os.Remove(path)) },
	} {
		damage()
		if _, err := d.Read(digest); !errors.Is(err, blob.ErrMismatch) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read: error %v", err)
		}
		wantSound(false)
		put(t, d, []byte("data"))
		wantSound(true)
		if got, err := d.Read(digest); err != nil || string(got) != "data" {
			t.Errorf("Read: %q, %v", got, err)
		}
	}
	before, err := os.Stat(path)
	check(t, err)
	put(t, d, []byte("data"))
	after, err := os.Stat(path)
	check(t, err)
	if !os.SameFile(before, after) {
		t.Error("a sound blob was replaced")
	}
	// Decay changes no times: what Read has found is not taken for sound because the file looks so.
	check(t, os.WriteFile(path, []byte("dat!"), 0o600))
	check(t, os.Chtimes(path, time.Time{}, after.ModTime()))
	_, err = d.Read(digest)
	wantIs(t, "Read", err, blob.ErrMismatch)
	wantSound(false)
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

// Room goes first to who has bytes: what broke off gives way, then what stalls.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10_000
		data := func(i byte) []byte { return bytes.Repeat([]byte{i}, size) }
		d := open(t, t.TempDir(), 3*(size+5_000))
		begin := func(i byte) *blob.Upload {
			t.Helper()
			u, err := d.Upload(sha256.Sum256(data(i)), size, blob.Resume{Sender: string(i)})
			check(t, err)
			return u
		}
		write := func(u *blob.Upload, p []byte) {
			t.Helper()
			_, err := u.Write(p)
			check(t, err)
			time.Sleep(time.Second) // virtual
		}
		broken := func(i byte) {
			t.Helper()
			u := begin(i)
			write(u, data(i))
			check(t, u.Close())
		}
		offset := func(i byte, want int64) {
			t.Helper()
			u := begin(i)
			if u.Offset() != want {
				t.Errorf("upload %d goes on at %d, want %d", i, u.Offset(), want)
			}
			check(t, u.Close())
		}
		broken(1)
		broken(2)
		third := begin(3)
		write(third, data(3))
		fourth := begin(4)
		write(fourth, data(4)[:size/2]) // in place of 1, which broke off first
		offset(1, 0)
		offset(2, size)
		second := begin(2) // is under way again: nobody takes its place
		fifth := begin(5)
		_, err := fifth.Write(data(5))
		wantIs(t, "an upload without room", err, blob.ErrFull)
		check(t, commit(t, second))

		time.Sleep(blob.Stall)
		write(fifth, data(5)) // in place of 3, which has stalled the longest
		_, err = third.Write(nil)
		check(t, err)
		_, err = fourth.Write(data(4)[:1])
		check(t, err)
		wantIs(t, "Commit of what gave way", commit(t, third), blob.ErrStalled)
		check(t, third.Close())
		offset(3, 0)
		check(t, commit(t, fifth))
		check(t, fourth.Close())
		for _, u := range []*blob.Upload{second, fifth} {
			check(t, u.Close())
		}
	})
}

// What could be a blob only if other blobs went is refused at once; what is being committed does
// not give way.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), 30_000)
		put(t, d, bytes.Repeat([]byte("y"), 10_000))
		_, err := d.Upload(blob.Digest{}, 20_000, me)
		wantIs(t, "an upload that can't fit", err, blob.ErrFull)
		data := bytes.Repeat([]byte("x"), 8_000)
		u, err := d.Upload(sha256.Sum256(data), 8_000, me)
		check(t, err)
		_, err = u.Write(data)
		check(t, err)
		_, err = u.Bytes()
		check(t, err)
		time.Sleep(2 * blob.Stall) // virtual
		other, err := d.Upload(blob.Digest{}, 10_000, me)
		check(t, err)
		_, err = other.Write(make([]byte, 10_000))
		wantIs(t, "an upload without room", err, blob.ErrFull)
		check(t, commit(t, u))
		check(t, u.Close())
		check(t, other.Close())
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), 1<<20)
		u, err := d.Upload(blob.Digest{}, 10, me)
		check(t, err)
		_, err = u.Write([]byte("x"))
		check(t, err)
		check(t, u.Close())
		for _, step := range []struct {
			after time.Duration
			left  bool
		}{{blob.Expiry, true}, {time.Second, false}} {
			time.Sleep(step.after) // virtual
			check(t, d.Expire(time.Now()))
			if left := d.Bytes() > 0; left != step.left {
				t.Errorf("after %v more: %d bytes are left", step.after, d.Bytes())
			}
		}
	})
}

// Of one digest only so much is kept of what broke off.
func TestParts(t *testing.T) {
	d := open(t, t.TempDir(), 1<<20)
	for i := range 20 {
		u, err := d.Upload(blob.Digest{}, 10, blob.Resume{})
		check(t, err)
		_, err = u.Write([]byte{byte(i)})
		check(t, err)
		check(t, u.Close())
	}
	if d.Bytes() > 5*5_000 {
		t.Errorf("%d bytes are kept of one digest", d.Bytes())
	}
}

// Deleting and committing one digest wait for each other.
func TestOneOwner(t *testing.T) {
	d := open(t, t.TempDir(), 1<<20)
	data := []byte("data")
	digest := sha256.Sum256(data)
	u, err := d.Upload(digest, 4, me)
	check(t, err)
	_, err = u.Write(data)
	check(t, err)
	deleted := make(chan error, 1)
	check(t, u.Commit(t.Context(), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		wantIs(t, "Delete", d.Delete(ctx, digest, func() error { return errors.New("it ran") }), context.DeadlineExceeded)
		go func() { deleted <- d.Delete(t.Context(), digest, func() error { return nil }) }()
		_, err := d.Read(digest)
		return err
	}))
	check(t, u.Close())
	check(t, u.Close())
	check(t, <-deleted)
	_, err = d.Read(digest)
	wantIs(t, "Read", err, fs.ErrNotExist)
}

func TestIncomplete(t *testing.T) {
	d := open(t, t.TempDir(), 1<<20)
	u, err := d.Upload(blob.Digest{}, 4, me)
	check(t, err)
	_, err = u.Write([]byte("dat"))
	check(t, err)
	wantIs(t, "Commit", commit(t, u), io.ErrUnexpectedEOF)
	_, err = u.Write([]byte("aa"))
	wantIs(t, "Write", err, blob.ErrTooLong)
	_, err = u.Write([]byte("a"))
	check(t, err)
	wantIs(t, "Commit of wrong bytes", commit(t, u), blob.ErrMismatch)
	check(t, u.Discard())
	if d.Bytes() != 0 {
		t.Errorf("%d bytes are left", d.Bytes())
	}
}

// TestVerifiedBytesMayDecay: that the bytes were verified counts for as long as the file looks as it did.
func TestVerifiedBytesMayDecay(t *testing.T) {
	for _, changed := range []bool{false, true} {
		dir := t.TempDir()
		d := open(t, dir, 1<<20)
		data := []byte("some bytes")
		u, err := d.Upload(sha256.Sum256(data), int64(len(data)), me)
		check(t, err)
		_, err = u.Write(data)
		check(t, err)
		_, err = u.Bytes()
		check(t, err)
		if changed {
			files, err := filepath.Glob(filepath.Join(dir, "uploads", "*"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			check(t, os.WriteFile(files[0], []byte("Some bytes"), 0o600))
			check(t, os.Chtimes(files[0], time.Now(), time.Now().Add(time.Second)))
			wantIs(t, "Commit", commit(t, u), blob.ErrMismatch)
		} else {
			check(t, commit(t, u))
		}
		check(t, u.Close())
	}
}
