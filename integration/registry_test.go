package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// A module goes to a registry and comes back: into the daemon under its digest, into a file, and to be run, called and joined.
func TestCtlRegistry(t *testing.T) {
	t.Parallel()
	address := testkit.Registry(t, false)
	c := newCtl(t)
	file := toolFile(t)
	ref := "oci://" + address + "/me/tool:1.0"
	at := c.must(t, "module", "push", file, ref)
	if !regexp.MustCompile(`^oci://` + regexp.QuoteMeta(address) + `/me/tool@sha256:[0-9a-f]{64}$`).MatchString(at) {
		t.Errorf("the artifact is %q", at)
	}
	if again := c.must(t, "module", "push", file, ref); again != at {
		t.Errorf("pushed again it is %q, and was %q", again, at)
	}

	if out := c.must(t, "run", ref, "hello", "one", "two"); !strings.Contains(out, "two") {
		t.Errorf("it printed %q", out)
	}
	if out := c.must(t, "run", at, "hello", "three"); !strings.Contains(out, "three") {
		t.Errorf("by its digest it printed %q", out)
	}
	digest := testkit.Digest(tool(t))
	if got := c.must(t, "module", "pull", ref, "--tag", "tool"); got != digest {
		t.Errorf("the daemon has %q, not %q", got, digest)
	}
	if out := c.must(t, "module", "inspect", "tool"); !strings.Contains(out, strings.TrimPrefix(digest, "sha256:")) {
		t.Errorf("module inspect printed %q", out)
	}
	copied := filepath.Join(t.TempDir(), "copied.wasm")
	c.must(t, "module", "pull", ref, "-f", copied)
	if content, err := os.ReadFile(copied); err != nil || testkit.Digest(content) != digest {
		t.Errorf("the file is another one: %v", err)
	}
	if moved := c.must(t, "module", "push", "tool", "oci://"+address+"/other/tool"); !strings.HasPrefix(moved, "oci://"+address+"/other/tool@sha256:") {
		t.Errorf("from the daemon to another repository: %q", moved)
	}

	library := filepath.Join("testdata", "components", "calc.wasm")
	calc := "oci://" + address + "/calc:1"
	var published struct{ Reference, Artifact, Module string }
	if err := json.Unmarshal([]byte(c.must(t, "module", "push", "-o", "json", library, calc)), &published); err != nil {
		t.Fatal(err)
	}
	if published.Reference != address+"/calc:1" || !strings.HasPrefix(published.Artifact, address+"/calc@sha256:") {
		t.Errorf("published: %+v", published)
	}
	if out := c.must(t, "call", calc, "add(1, 2)"); out != "3" {
		t.Errorf("the call printed %q", out)
	}
}

// What a registry does not have, or will not give, is told in a sentence.
func TestCtlRegistryRefuses(t *testing.T) {
	t.Parallel()
	address := testkit.Registry(t, true)
	c := newCtl(t)
	file := guestFile(t, "sleeper.wasm", examples.Sleeper)
	ref := "oci://" + address + "/sleeper:1"
	config := t.TempDir()
	c.env = append(c.env, "DOCKER_CONFIG="+config)
	login := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if _, errs, status := c.run(t, "", args...); status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%q: status %d, %q; want %q", args, status, errs, want)
		}
	}
	refused("there are none for "+address, "module", "push", file, ref)
	login(`{"auths": {"` + address + `": {"username": "ada", "password": "wrong"}}}`)
	refused("refuses access (401)", "module", "push", file, ref)

	// A helper program is asked for the credentials.
	helper := t.TempDir()
	script := "#!/bin/sh\nread registry\n[ \"$1 $registry\" = \"get " + address + "\" ] || exit 1\n" +
		"echo '{\"Username\": \"" + testkit.RegistryUser + "\", \"Secret\": \"" + testkit.RegistryPassword + "\"}'\n"
	if err := os.WriteFile(filepath.Join(helper, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "PATH="+helper+":"+os.Getenv("PATH"))
	login(`{"credHelpers": {"` + address + `": "test"}}`)
	c.must(t, "module", "push", file, ref)
	c.must(t, "module", "pull", ref)
	refused("no such artifact", "run", "oci://"+address+"/sleeper:2")
	refused("invalid repository", "run", "oci://"+address+"/Sleeper")
	refused("give a tag", "module", "push", file, "oci://"+address+"/sleeper@"+testkit.Digest(examples.Sleeper))

	login(`{"credHelpers": {"` + address + `": "missing"}}`)
	refused("docker-credential-missing", "module", "pull", ref)
	login(`{`)
	refused("the credentials for registries", "module", "pull", ref)
}
