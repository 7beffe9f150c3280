package monitoring

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// root is the folder of the repository.
const root = "../.."

// page is what a daemon tells, by name.
type page map[string]*dto.MetricFamily

// scrape builds a daemon, has it do a little of all that it counts, and reads its page.
func scrape(t *testing.T) page {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir, "./cmd/reactord", "./cmd/reactorctl")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	certify(t, dir)
	at := start(t, dir)
	run := exec.CommandContext(t.Context(), filepath.Join(dir, "reactorctl"), "--addr=unix://"+filepath.Join(dir, "s"),
		"run", root+"/examples/c-sleeper/sleeper.wasm", "3", "1")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %v", response.StatusCode, err)
	}
	return all
}

// start starts the daemon in dir, which ends with the test, and returns where its metrics are.
func start(t *testing.T, dir string) string {
	t.Helper()
	d := exec.CommandContext(t.Context(), filepath.Join(dir, "reactord"), "--data-dir="+filepath.Join(dir, "data"), "--log-format=json",
		"--listen=unix://"+filepath.Join(dir, "s"), "--metrics=127.0.0.1:0", "--insecure-no-auth",
		"--tls-cert="+filepath.Join(dir, "cert"), "--tls-key="+filepath.Join(dir, "key"))
	d.Cancel = func() error { return d.Process.Signal(syscall.SIGTERM) }
	log, err := d.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { // the context of the test has ended, so that the daemon ends
		<-ended
		_ = d.Wait()
	})
	addresses, lines := make(chan string, 1), bufio.NewScanner(log)
	go func() {
		defer close(ended)
		defer close(addresses)
		at := ""
		for lines.Scan() {
			var line struct{ Msg, At string }
			if json.Unmarshal(lines.Bytes(), &line) != nil {
				continue
			}
			switch line.Msg {
			case "metrics":
				at = line.At
			case "serving":
				addresses <- at
			}
		}
	}()
	at := <-addresses
	if at == "" {
		t.Fatal("the daemon does not say where it serves metrics")
	}
	return at
}

// certify writes a certificate and its key into dir.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: cert}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
