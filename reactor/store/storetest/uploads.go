package storetest

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

func testUpload(t *testing.T, open Open) {
	binary := []byte("0123456789")
	digest := store.DigestOf(binary)
	begin := func(t *testing.T, f *fixture, size int64) store.Upload {
		t.Helper()
		u, err := f.Upload(t.Context(), digest, size, store.Resume{})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	write := func(t *testing.T, u store.Upload, p []byte) {
		t.Helper()
		if n, err := u.Write(p); n != len(p) || err != nil {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
		}
	}
	commit := func(t *testing.T, u store.Upload) error {
		_, err := u.Commit(t.Context(), store.NewModule{Created: epoch})
		return err
	}

	t.Run("Mismatch", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		for _, try := range []func(store.Upload) error{
			func(u store.Upload) error { return commit(t, u) },
			func(u store.Upload) error { _, err := u.Bytes(); return err },
		} {
			u := begin(t, f, 10)
			write(t, u, []byte("012345678X"))
			wantIs(t, "wrong bytes", try(u), store.ErrDigestMismatch)
			wantIs(t, "Close", u.Close(), nil)
			u = begin(t, f, 10)
			wantEqual(t, "what is kept of wrong bytes", u.Offset(), 0)
			wantIs(t, "Discard", u.Discard(), nil)
		}
		_, err := f.Module(t.Context(), digest)
		wantAs[*store.NotFoundError](t, "Module", err)
	})
	t.Run("Sizes", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		u := begin(t, f, 10)
		write(t, u, binary[:8])
		_, err := u.Write([]byte("890"))
		wantIs(t, "more than announced", err, store.ErrTooLong)
		write(t, u, binary[8:])
		wantIs(t, "Close", u.Close(), nil)
		u = begin(t, f, 9)
		wantEqual(t, "offset where a smaller size is announced", u.Offset(), 0)
		wantIs(t, "Discard", u.Discard(), nil)
		if _, err := f.Upload(t.Context(), digest, -1, store.Resume{}); err == nil {
			t.Error("a negative size was taken")
		}
		empty := store.DigestOf(nil)
		u, err = f.Upload(t.Context(), empty, 0, store.Resume{})
		wantIs(t, "Upload of nothing", err, nil)
		wantIs(t, "Commit of nothing", commit(t, u), nil)
		wantIs(t, "Close", u.Close(), nil)
	})
	t.Run("Discard", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		u := begin(t, f, 10)
		write(t, u, binary)
		wantIs(t, "Discard", u.Discard(), nil)
		wantIs(t, "Close after Discard", u.Close(), nil)
		u = begin(t, f, 10)
		wantEqual(t, "offset", u.Offset(), 0)
		wantIs(t, "Close", u.Close(), nil)
	})
	t.Run("ManyAtATime", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		held := f.begin(t, binary, store.Resume{}) // nothing comes of it
		slow := f.begin(t, binary, store.Resume{})
		slow.write(binary[:3])
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				u, err := f.Upload(t.Context(), digest, 10, store.Resume{})
				if err != nil {
					wantIs(t, "Upload", err, store.ErrExists)
					return
				}
				write(t, u, binary)
				wantIs(t, "Commit", commit(t, u), nil)
				wantIs(t, "Close", u.Close(), nil)
			})
		}
		group.Wait()
		data, err := f.ModuleBinary(t.Context(), digest)
		wantIs(t, "ModuleBinary", err, nil)
		wantEqual(t, "binary", string(data), string(binary))
		slow.write(binary[3:])
		wantIs(t, "Commit of what is there", slow.commit(), nil)
		slow.close()
		held.close()
	})
	t.Run("Promises", func(t *testing.T) {
		// What was announced takes no room, what has come does.
		const bound = 100_000
		f := newFixture(t, open, Options{ModuleBytes: bound})
		module := func(name byte) []byte { return bytes.Repeat([]byte{name}, bound/2) }
		var promises []upload
		for i := range byte(10) {
			promises = append(promises, f.begin(t, module(i), store.Resume{}))
		}
		u := f.begin(t, module('x'), store.Resume{})
		u.write(module('x'))
		wantIs(t, "Commit", u.commit(), nil)
		u.close()
		_, err := promises[0].Write(module(0))
		wantIs(t, "an upload that finds no room", err, store.ErrFull)
		wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), store.DigestOf(module('x'))), nil)
		promises[1].write(module(1))
		wantIs(t, "Commit", promises[1].commit(), nil)
		for _, u := range promises {
			u.close()
		}
	})
	t.Run("Full", func(t *testing.T) {
		const bound = 100_000
		f := newFixture(t, open, Options{ModuleBytes: bound})
		put := func(name byte, size int, commit bool) error {
			data := bytes.Repeat([]byte{name}, size)
			u, err := f.Upload(t.Context(), store.DigestOf(data), int64(size), store.Resume{})
			if err != nil {
				return err
			}
			if !commit {
				data = data[:size/2]
			}
			if _, err := u.Write(data); err != nil {
				return err
			}
			if commit {
				if _, err := u.Commit(t.Context(), store.NewModule{Created: epoch}); err != nil {
					return err
				}
			}
			return u.Close()
		}
		wantIs(t, "a module above the bound", put('a', bound, true), store.ErrFull)
		wantIs(t, "a module of half the bound", put('b', bound/2, true), nil)
		wantIs(t, "part of a module", put('c', bound/3, false), nil)
		wantIs(t, "a module in place of the part", put('d', bound/3, true), nil)
		wantIs(t, "a module that finds no room", put('e', bound/3, true), store.ErrFull)
		wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), store.DigestOf(bytes.Repeat([]byte{'d'}, bound/3))), nil)
		wantIs(t, "a module that finds room again", put('e', bound/3, true), nil)
		f.reopen(Options{ModuleBytes: bound})
		wantIs(t, "a module that finds no room after reopening", put('f', bound/3, true), store.ErrFull)

		tiny := 0
		for ; tiny < 1000; tiny++ {
			if err := put(byte(tiny), 1+tiny/256, true); err != nil {
				wantIs(t, "tiny modules", err, store.ErrFull)
				break
			}
		}
		if tiny == 1000 {
			t.Error("tiny modules cost nothing")
		}
	})
}

// upload is the test's way of uploading a part of a module.
type upload struct {
	store.Upload
	t *testing.T
}

func (f *fixture) begin(t *testing.T, binary []byte, resume store.Resume) upload {
	t.Helper()
	u, err := f.Upload(t.Context(), store.DigestOf(binary), int64(len(binary)), resume)
	if err != nil {
		t.Fatal(err)
	}
	return upload{u, t}
}

func (u upload) write(p []byte) {
	u.t.Helper()
	if n, err := u.Write(p); n != len(p) || err != nil {
		u.t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
	}
}

func (u upload) commit() error {
	_, err := u.Commit(u.t.Context(), store.NewModule{Created: epoch})
	return err
}

func (u upload) close() {
	u.t.Helper()
	wantIs(u.t, "Close", u.Close(), nil)
}

// prefixes returns what proves that a client has a module.
func prefixes(binary []byte) store.Resume {
	var r store.Resume
	for n := store.PrefixBytes; n <= len(binary); n += store.PrefixBytes {
		r.Prefixes = append(r.Prefixes, store.DigestOf(binary[:n]))
	}
	return r
}

// testResume resumes interrupted uploads, but only the sender's own or bytes that are known to be right.
func testResume(t *testing.T, open Open) {
	binary := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // 3 MiB
	wrong := bytes.Clone(binary)
	wrong[store.PrefixBytes+1]++
	own, other := store.Resume{Sender: "me"}, store.Resume{Sender: "you"}
	const part = 2<<20 + 1000

	for _, test := range []struct {
		name       string
		left       []byte // by sender "me"
		reopen     bool
		resume     store.Resume
		wantOffset int64
	}{
		{"the same sender", binary[:part], false, own, part},
		{"the same sender with proof", binary[:part], false, store.Resume{Sender: "me", Prefixes: prefixes(binary).Prefixes}, part},
		{"another sender", binary[:part], false, other, 0},
		{"nobody", binary[:part], false, store.Resume{}, 0},
		{"another sender with proof", binary[:part], false, prefixes(binary), 2 << 20},
		{"less than a prefix", binary[:1000], false, prefixes(binary), 0},
		{"wrong bytes", wrong[:part], false, prefixes(binary), 1 << 20},
		{"all wrong bytes", wrong, false, prefixes(binary), 1 << 20},
		{"the same sender after reopening", binary[:part], true, own, 0},
		{"with proof after reopening", binary[:part], true, prefixes(binary), 2 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, open, Options{})
			u := f.begin(t, binary, own)
			u.write(test.left)
			u.close()
			if test.reopen {
				f.reopen(Options{})
			}
			u = f.begin(t, binary, test.resume)
			wantEqual(t, "offset", u.Offset(), test.wantOffset)
			u.write(binary[u.Offset():])
			wantIs(t, "Commit", u.commit(), nil)
			u.close()
			data, err := f.ModuleBinary(t.Context(), store.DigestOf(binary))
			if err != nil || !bytes.Equal(data, binary) {
				t.Errorf("%d bytes, error %v", len(data), err)
			}
		})
	}
	t.Run("the longest that agrees", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		for _, left := range [][]byte{wrong[:2<<20], binary[:2<<20], wrong} {
			u := f.begin(t, binary, store.Resume{})
			u.write(left)
			u.close()
		}
		u := f.begin(t, binary, prefixes(binary))
		if u.Offset() == 0 {
			t.Error("nothing was resumed")
		}
		u.write(binary[u.Offset():])
		wantIs(t, "Commit", u.commit(), nil)
		u.close()
	})
	t.Run("parts", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		u := f.begin(t, binary, own)
		u.write(binary[:4])
		wantIs(t, "Commit of a part", u.commit(), io.ErrUnexpectedEOF)
		_, err := u.Bytes()
		wantIs(t, "Bytes of a part", err, io.ErrUnexpectedEOF)
		u.close()
		f.reopen(Options{})
		_, err = f.Module(t.Context(), store.DigestOf(binary))
		wantAs[*store.NotFoundError](t, "a part of a module", err)
	})
}

// testHeal uploads modules again whose bytes are damaged, in use or not.
func testHeal(t *testing.T, e Engine) {
	for name, missing := range map[string]bool{"decayed": false, "missing": true} {
		for _, reopen := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/reopen=%t", name, reopen), func(t *testing.T) {
				f := newFixture(t, e.Open, Options{})
				f.submit("user")
				wantIs(t, "TagModule", f.TagModule(t.Context(), "tag", f.module), nil)
				before, err := f.Module(t.Context(), f.module)
				wantIs(t, "Module", err, nil)
				e.DamageModule(t, f.dir, f.module, missing)
				if reopen {
					f.reopen(Options{})
				}
				_, err = f.ModuleBinary(t.Context(), f.module)
				wantIs(t, "ModuleBinary", err, store.ErrDamaged)
				wantAs[*store.CorruptError](t, "ModuleBinary", err)
				_, err = f.readModule(f.module)
				wantAs[*store.CorruptError](t, "a read of what OpenModule has opened", err)

				f.putModule([]byte("module"))
				data, err := f.ModuleBinary(t.Context(), f.module)
				wantIs(t, "ModuleBinary", err, nil)
				wantEqual(t, "binary", string(data), "module")
				after, err := f.Module(t.Context(), f.module)
				wantIs(t, "Module", err, nil)
				wantEqual(t, "the record", after, before)
				_, err = f.Upload(t.Context(), f.module, 6, store.Resume{})
				wantIs(t, "Upload of what is sound again", err, store.ErrExists)
				f.must(start("user", 1), finish("user", 1, store.Succeeded))
				wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), f.module), nil)
			})
		}
	}
}
