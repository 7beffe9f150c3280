package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// wantReason fails the test unless a call failed with a reason, in a sentence that has a text.
func wantReason(t *testing.T, err error, code codes.Code, reason, text string) {
	t.Helper()
	if status.Code(err) != code || testkit.ReasonOf(err) != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v (%s), want %v (%s) with %q", err, testkit.ReasonOf(err), code, reason, text)
	}
}

// The daemon reads modules from the registries that it may, with credentials that are read anew.
func TestFetchModule(t *testing.T) {
	t.Parallel()
	address := testkit.Registry(t, true)
	credentials := filepath.Join(t.TempDir(), "config.json")
	login := func(password string) {
		t.Helper()
		text := fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, address, testkit.RegistryUser, password)
		if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login(testkit.RegistryPassword)
	d := testkit.Start(t, t.TempDir(), "--registry=http://"+address+"/me", "--registry-credentials="+credentials)
	c := newCtlOf(t, d)
	c.env = append(c.env, "DOCKER_CONFIG="+filepath.Dir(credentials))
	file := guestFile(t, "sleeper.wasm", examples.Sleeper)
	for _, repository := range []string{"me/sleeper", "you/sleeper", "meagre/sleeper"} {
		c.must(t, "module", "push", file, "oci://"+address+"/"+repository+":1")
	}
	c.env = append(c.env, "DOCKER_CONFIG=/nowhere") // from here on the daemon alone has credentials
	digest := testkit.Digest(examples.Sleeper)
	fetch := func(reference string) (*reactorv1.FetchModuleResponse, error) {
		return d.Modules.FetchModule(t.Context(), &reactorv1.FetchModuleRequest{Reference: reference, Tag: "sleeper"})
	}

	fetched, err := fetch(address + "/me/sleeper:1")
	if err != nil || fetched.GetExisted() || fetched.GetModule().GetDigest() != digest || fetched.GetModule().GetName() != "sleeper" ||
		!strings.HasPrefix(fetched.GetArtifact(), address+"/me/sleeper@sha256:") {
		t.Errorf("fetched: %v, %v", fetched, err)
	}
	if again, err := fetch(fetched.GetArtifact()); err != nil || !again.GetExisted() || again.GetArtifact() != fetched.GetArtifact() {
		t.Errorf("fetched again: %v, %v", again, err)
	}
	if out := c.must(t, "run", "--daemon-pulls", "oci://"+address+"/me/sleeper:1", "1", "1"); !strings.Contains(out, "slept well") {
		t.Errorf("it printed %q", out)
	}

	if _, errs, status := c.run(t, "", "run", "--dir", filepath.Dir(credentials)+":/x", "sleeper"); status != 125 || !strings.Contains(errs, "which is the daemon's own") {
		t.Errorf("a guest with the credentials: status %d, %q", status, errs)
	}

	_, err = fetch(address + "/you/sleeper:1")
	wantReason(t, err, codes.FailedPrecondition, "REGISTRY_DENIED", "may not read from "+address+"/you/sleeper: the operator can allow it with --registry")
	_, err = fetch(address + "/meagre/sleeper:1")
	wantReason(t, err, codes.FailedPrecondition, "REGISTRY_DENIED", "may not read from")
	_, err = fetch("169.254.169.254/latest/meta-data:1")
	wantReason(t, err, codes.FailedPrecondition, "REGISTRY_DENIED", "may not read from")
	_, err = fetch(address + "/me/sleeper:2")
	wantReason(t, err, codes.NotFound, "MODULE_NOT_FOUND", "no such artifact")
	_, err = fetch("sleeper")
	wantReason(t, err, codes.InvalidArgument, "INVALID_ARGUMENT", "reference")
	login("expired")
	_, err = fetch(address + "/me/sleeper:1")
	wantReason(t, err, codes.FailedPrecondition, "REGISTRY_DENIED", "refuses access (401)")
	if _, errs, status := c.run(t, "", "run", "--daemon-pulls", "oci://"+address+"/me/sleeper:1"); status != 125 || !strings.Contains(errs, "refuses access") {
		t.Errorf("status %d, %q", status, errs)
	}
}

// A store that has no room for a module says so, and keeps nothing of it.
func TestFetchIntoFullStore(t *testing.T) {
	t.Parallel()
	address := testkit.Registry(t, false)
	d := testkit.Start(t, t.TempDir(), "--registry=http://"+address, "--module-store=1MiB")
	c := newCtlOf(t, d)
	c.must(t, "module", "push", toolFile(t), "oci://"+address+"/tool:1") // of 3 MiB
	_, err := d.Modules.FetchModule(t.Context(), &reactorv1.FetchModuleRequest{Reference: address + "/tool:1"})
	wantReason(t, err, codes.ResourceExhausted, "STORE_FULL", "has no room for a module")
	if list, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{}); err != nil || len(list.GetModules()) > 0 {
		t.Errorf("the store has %v, %v", list, err)
	}
}
