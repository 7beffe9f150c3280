package testkit

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// RegistryUser and RegistryPassword are the credentials for registries that ask for some.
const (
	RegistryUser     = "ada"
	RegistryPassword = "secret"
	// registryUsers is the file in which a registry finds them, with the hash of the password.
	registryUsers = RegistryUser + ":$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
)

// registry builds the registry in a folder, a module of its own, the first time it is called.
var registry = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(binaries, "registry")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-ldflags=-s -w", "-o", binary, ".")
	cmd.Dir = filepath.Join("testdata", "registry")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return binary, nil
})

// Registry starts a registry of OCI artifacts with the code of integration/testdata/registry, and returns its address. It ends
// with the test. The test is skipped if the registry cannot be built, since its modules are not here and nobody sends them;
// with TOOLCHAINS=required it fails.
func Registry(t testing.TB, withPassword bool) (address string) {
	t.Helper()
	binary, err := registry()
	switch {
	case err != nil && os.Getenv("TOOLCHAINS") == "required":
		t.Fatal(err)
	case err != nil:
		t.Skipf("there is no registry: %v", err)
	}
	dir := t.TempDir()
	address = FreeAddress(t)
	config := fmt.Sprintf(`{version: 0.1, log: {level: error, accesslog: {disabled: true}},
storage: {filesystem: {rootdirectory: %q}}, http: {addr: %q}`, filepath.Join(dir, "store"), address)
	if withPassword {
		users := filepath.Join(dir, "users")
		if err := os.WriteFile(users, []byte(registryUsers), 0o600); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf(`, auth: {htpasswd: {realm: test, path: %q}}`, users)
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(config+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, file)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	awaitRegistry(t, address, ended)
	return address
}

// awaitRegistry waits until a registry answers.
func awaitRegistry(t testing.TB, address string, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("the registry has ended")
		case <-ctx.Done():
			t.Fatalf("no registry answers at %s", address)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
