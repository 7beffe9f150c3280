package storetest

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

func testModule(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	binary := bytes.Repeat([]byte("wasm"), 10_000)
	digest := store.DigestOf(binary)
	u, err := f.Upload(t.Context(), digest, int64(len(binary)), store.Resume{})
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
	committed, err := u.Commit(t.Context(), store.NewModule{Created: epoch, Info: []byte("its info"), Tag: "latest"})
	if err != nil {
		t.Fatal(err)
	}
	wantIs(t, "Close", u.Close(), nil)
	want := &store.Module{Digest: digest, Size: int64(len(binary)), Created: epoch, Info: []byte("its info"), Tags: []string{"latest"}, Used: epoch}
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
		if data, err := f.readModule(digest); err != nil || !bytes.Equal(data, binary) {
			t.Errorf("%s, opened: %d bytes, error %v", what, len(data), err)
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
	_, err = f.OpenModule(t.Context(), unknown)
	wantAs[*store.NotFoundError](t, "OpenModule", err)
	_, err = f.ModuleByTag(t.Context(), "unknown")
	wantEqual(t, "kind", wantAs[*store.NotFoundError](t, "ModuleByTag", err).Kind, store.KindTag)
	wantAs[*store.NotFoundError](t, "TagModule", f.TagModule(t.Context(), "x", unknown))
	_, err = f.Upload(t.Context(), digest, int64(len(binary)), store.Resume{})
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

// The tags of a module and of all are bounded; a tag that is there can be moved and set again.
func testTags(t *testing.T, open Open) {
	f := newFixture(t, open, Options{ModuleTags: 3, Tags: 5})
	first, second := f.module, f.putModule([]byte("second"))
	tag := func(module store.Digest, tags ...string) {
		t.Helper()
		for _, tag := range tags {
			wantIs(t, "TagModule", f.TagModule(t.Context(), tag, module), nil)
		}
	}
	refused := func(module, full store.Digest, bound int, tag string) {
		t.Helper()
		err := wantAs[*store.TagsError](t, "TagModule", f.TagModule(t.Context(), tag, module))
		wantEqual(t, "the refusal", *err, store.TagsError{Digest: full, Bound: bound})
		_, missing := f.ModuleByTag(t.Context(), tag)
		wantAs[*store.NotFoundError](t, "ModuleByTag", missing)
	}
	tag(first, "a", "b", "c")
	refused(first, first, 3, "d")
	tag(first, "a")
	tag(second, "d", "e")
	refused(second, store.Digest{}, 5, "f")
	tag(second, "a")
	refused(second, second, 3, "g")
	tag(first, "e")

	third := []byte("third")
	u, err := f.Upload(t.Context(), store.DigestOf(third), int64(len(third)), store.Resume{})
	wantIs(t, "Upload", err, nil)
	if _, err := u.Write(third); err != nil {
		t.Fatal(err)
	}
	_, err = u.Commit(t.Context(), store.NewModule{Created: epoch, Tag: "new"})
	wantAs[*store.TagsError](t, "Commit", err)
	wantIs(t, "Close", u.Close(), nil)
	_, err = f.Module(t.Context(), store.DigestOf(third))
	wantAs[*store.NotFoundError](t, "the module whose tag was refused", err)

	wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), second), nil)
	tag(f.putModule(third), "new")
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

// readModule reads a module that it opens.
func (f *fixture) readModule(digest store.Digest) ([]byte, error) {
	file, err := f.OpenModule(f.t.Context(), digest)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}
