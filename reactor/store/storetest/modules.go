package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func testModule(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	binary := bytes.Repeat([]byte("wasm"), 10_000)
	digest := store.DigestOf(binary)
	u, err := f.Upload(t.Context(), digest, int64(len(binary)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(binary); err != nil {
		t.Fatal(err)
	}
	data, err := u.Bytes()
	if err != nil || !bytes.Equal(data, binary) {
		t.Fatalf("%d bytes, error %v", len(data), err)
	}
	committed, err := u.Commit(t.Context(), epoch, []byte("its info"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	wantIs(t, "Close", u.Close(), nil)
	want := &store.Module{Digest: digest, Size: int64(len(binary)), Created: epoch, Info: []byte("its info"), Tags: []string{"latest"}}
	wantEqual(t, "what Commit returns", committed, want)

	wantIs(t, "TagModule", f.TagModule(t.Context(), "a-tag", digest), nil)
	want.Tags = []string{"a-tag", "latest"}
	check := func(what string) {
		t.Helper()
		got, err := f.Module(t.Context(), digest)
		wantIs(t, what, err, nil)
		wantEqual(t, what, got, want)
		got, err = f.ModuleByTag(t.Context(), "latest")
		wantIs(t, what, err, nil)
		wantEqual(t, what, got, want)
		data, err := f.ModuleBinary(t.Context(), digest)
		if err != nil || !bytes.Equal(data, binary) {
			t.Errorf("%s: %d bytes, error %v", what, len(data), err)
		}
	}
	check("the module")
	f.reopen(Options{})
	check("the module after reopening")

	wantIs(t, "TagModule", f.TagModule(t.Context(), "a-tag", f.module), nil)
	want.Tags = []string{"latest"}
	check("after its tag was moved")

	unknown := store.DigestOf([]byte("unknown"))
	_, err = f.Module(t.Context(), unknown)
	wantAs[*store.NotFoundError](t, "Module", err)
	_, err = f.ModuleBinary(t.Context(), unknown)
	wantAs[*store.NotFoundError](t, "ModuleBinary", err)
	_, err = f.ModuleByTag(t.Context(), "unknown")
	wantEqual(t, "kind", wantAs[*store.NotFoundError](t, "ModuleByTag", err).Kind, store.KindTag)
	wantAs[*store.NotFoundError](t, "TagModule", f.TagModule(t.Context(), "x", unknown))
	_, err = f.Upload(t.Context(), digest, int64(len(binary)))
	wantIs(t, "Upload of what is there", err, store.ErrExists)

	t.Run("list", func(t *testing.T) {
		want := []store.Digest{digest, f.module}
		for i := range 5 {
			want = append([]store.Digest{f.putModule(fmt.Append(nil, i))}, want...)
		}
		for _, limit := range []int{1, 3, 7, 100} {
			var got []store.Digest
			for token := ""; ; {
				page, err := f.ListModules(t.Context(), token, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range page.Modules {
					got = append(got, m.Digest)
				}
				if token = page.Next; token == "" {
					break
				}
			}
			wantEqual(t, fmt.Sprint("modules by ", limit), got, want)
		}
	})
	t.Run("list of much", func(t *testing.T) {
		const size, count = 1 << 20, 6
		for i := range count {
			f.putDescribed(fmt.Append(nil, "described ", i), make([]byte, size))
		}
		pages := 0
		for token, left := "", count; left > 0; pages++ {
			page, err := f.ListModules(t.Context(), token, 100)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(page.Modules); n == 0 || n > 4 && left > 4 {
				t.Fatalf("a page of %d modules with %d MiB each", n, size>>20)
			}
			token, left = page.Next, left-len(page.Modules)
		}
		if pages < 2 {
			t.Errorf("%d pages", pages)
		}
	})
}

func testUpload(t *testing.T, open Open) {
	binary := []byte("0123456789")
	digest := store.DigestOf(binary)
	begin := func(t *testing.T, f *fixture, size int64) store.Upload {
		t.Helper()
		u, err := f.Upload(t.Context(), digest, size)
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
		_, err := u.Commit(t.Context(), epoch, nil, "")
		return err
	}

	t.Run("Resume", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		u := begin(t, f, 10)
		write(t, u, binary[:4])
		wantIs(t, "Commit of a part", commit(t, u), io.ErrUnexpectedEOF)
		_, err := u.Bytes()
		wantIs(t, "Bytes of a part", err, io.ErrUnexpectedEOF)
		wantIs(t, "Close", u.Close(), nil)
		u = begin(t, f, 10)
		wantEqual(t, "offset", u.Offset(), 4)
		write(t, u, binary[4:7])
		wantIs(t, "Close", u.Close(), nil)
		f.reopen(Options{})
		_, err = f.Module(t.Context(), digest)
		wantAs[*store.NotFoundError](t, "a part of a module", err)
		u = begin(t, f, 10)
		wantEqual(t, "offset after reopening", u.Offset(), 7)
		write(t, u, binary[7:])
		wantIs(t, "Commit", commit(t, u), nil)
		wantIs(t, "Close", u.Close(), nil)
		data, err := f.ModuleBinary(t.Context(), digest)
		wantIs(t, "ModuleBinary", err, nil)
		wantEqual(t, "binary", string(data), string(binary))
	})
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
		if _, err := f.Upload(t.Context(), digest, -1); err == nil {
			t.Error("a negative size was taken")
		}
		empty := store.DigestOf(nil)
		u, err = f.Upload(t.Context(), empty, 0)
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
	t.Run("OneAtATime", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		u := begin(t, f, 10)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := f.Upload(ctx, digest, 10)
		wantIs(t, "a second upload", err, context.DeadlineExceeded)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				_, err := f.Upload(t.Context(), digest, 10)
				wantIs(t, "an upload that waited", err, store.ErrExists)
			})
		}
		write(t, u, binary)
		wantIs(t, "Commit", commit(t, u), nil)
		wantIs(t, "Close", u.Close(), nil)
		group.Wait()
	})
	t.Run("Full", func(t *testing.T) {
		const bound = 100_000
		f := newFixture(t, open, Options{ModuleBytes: bound})
		put := func(name byte, size int, commit bool) error {
			data := bytes.Repeat([]byte{name}, size)
			u, err := f.Upload(t.Context(), store.DigestOf(data), int64(size))
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
				if _, err := u.Commit(t.Context(), epoch, nil, ""); err != nil {
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

func testDeleteModule(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	wantIs(t, "TagModule", f.TagModule(t.Context(), "tag", f.module), nil)
	f.submit("a", "b")
	f.must(start("a", 1))
	inUse := wantAs[*store.InUseError](t, "DeleteModule", f.DeleteModule(t.Context(), f.module))
	wantEqual(t, "users", inUse.Workloads, 2)
	f.must(finish("a", 1, store.Succeeded), finish("b", 0, store.Cancelled))
	wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), f.module), nil)
	_, err := f.Module(t.Context(), f.module)
	wantAs[*store.NotFoundError](t, "Module", err)
	_, err = f.ModuleBinary(t.Context(), f.module)
	wantAs[*store.NotFoundError](t, "ModuleBinary", err)
	_, err = f.ModuleByTag(t.Context(), "tag")
	wantAs[*store.NotFoundError](t, "ModuleByTag", err)
	wantAs[*store.NotFoundError](t, "DeleteModule", f.DeleteModule(t.Context(), f.module))
	wantEqual(t, "the module of a finished workload", f.workload("a").Module, f.module)
	wantEqual(t, "list by the module", f.list(store.Filter{Module: &f.module}, 10), []string{"b", "a"})

	results, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload("a"), f.newWorkload("c")})
	wantIs(t, "Submit", err, nil)
	wantIs(t, "a workload that exists", results[0].Err, nil)
	wantAs[*store.NotFoundError](t, "a workload that does not", results[1].Err)

	f.putModule([]byte("module"))
	f.submit("c")

	t.Run("Race", func(t *testing.T) {
		for i := range 20 {
			f.module = f.putModule(fmt.Append(nil, "module ", i))
			var group sync.WaitGroup
			var deleted error
			var submitted store.Submitted
			id := fmt.Sprint("race", i)
			group.Go(func() { deleted = f.DeleteModule(t.Context(), f.module) })
			group.Go(func() {
				results, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload(id)})
				if err != nil {
					t.Error(err)
					return
				}
				submitted = results[0]
			})
			group.Wait()
			if (deleted == nil) == submitted.Created {
				t.Errorf("delete: %v; submit: created %t, %v", deleted, submitted.Created, submitted.Err)
			}
			_, err := f.ModuleBinary(t.Context(), f.module)
			if (err == nil) != submitted.Created {
				t.Errorf("submit: created %t; binary: %v", submitted.Created, err)
			}
		}
	})
}
