package modules

import (
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/store"
)

// TestCatalogForgets: what was read before a change is not remembered after it.
func TestCatalogForgets(t *testing.T) {
	c := newCatalog()
	old, module := store.DigestOf([]byte("old")), entry{info: &abi.Description{}}
	_, generation, known := c.digest("latest")
	if known {
		t.Fatal("an empty catalog knows a tag")
	}
	c.forget() // the tag moves while the store is read
	c.remember(generation, "latest", old, module)
	if digest, _, known := c.digest("latest"); known {
		t.Errorf("the tag is remembered to be at %v, where it was", digest)
	}
	_, generation = c.module(old)
	c.remember(generation, "latest", old, module)
	digest, _, known := c.digest("latest")
	if got, _ := c.module(digest); !known || digest != old || got != module {
		t.Errorf("what was read since is not remembered: %v, %t, %v", digest, known, got)
	}
}

// TestDamageFromBeforeAPush: a load that began before a module was pushed says nothing about the new bytes.
func TestDamageFromBeforeAPush(t *testing.T) {
	c := newCatalog()
	digest := store.DigestOf([]byte("module"))
	_, before := c.module(digest)
	c.noteLoad(before, digest, true)
	if !c.isDamaged(digest) {
		t.Error("damage is not remembered")
	}
	c.forget()
	if !c.isDamaged(digest) {
		t.Error("damage is forgotten when a tag moves")
	}
	c.forgetDamage(digest)
	c.noteLoad(before, digest, true)
	if c.isDamaged(digest) {
		t.Error("an old load makes a new push damaged")
	}
	_, now := c.module(digest)
	c.noteLoad(now, digest, true)
	if c.noteLoad(before, digest, false); c.isDamaged(digest) {
		t.Error("it was loaded, and is damaged")
	}
}
