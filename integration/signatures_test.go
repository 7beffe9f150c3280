package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// With a key the daemon takes only what is signed with it, and from a registry.
func TestRequireSignature(t *testing.T) {
	t.Parallel()
	address := testkit.Registry(t, false)
	signer, key := newSigner(t)
	stranger, _ := newSigner(t)
	d := testkit.Start(t, t.TempDir(), "--registry=http://"+address, "--require-signature="+key)
	c := newCtlOf(t, d)
	file := guestFile(t, "sleeper.wasm", examples.Sleeper)
	ref := "oci://" + address + "/me/sleeper:1"
	artifact := strings.TrimPrefix(c.must(t, "module", "push", file, ref), "oci://")
	fetch := func() error {
		_, err := d.Modules.FetchModule(t.Context(), &reactorv1.FetchModuleRequest{Reference: artifact})
		return err
	}

	wantReason(t, fetch(), codes.FailedPrecondition, "SIGNATURE_REQUIRED", "it has no signature")
	sign(t, artifact, artifact, stranger)
	wantReason(t, fetch(), codes.FailedPrecondition, "SIGNATURE_REQUIRED", "none of its signatures (1) was made")
	sign(t, artifact, address+"/me/sleeper@"+testkit.Digest([]byte("another")), signer)
	wantReason(t, fetch(), codes.FailedPrecondition, "SIGNATURE_REQUIRED", "none of its signatures (1) was made")
	if _, errs, _ := c.run(t, "", "run", file); !strings.Contains(errs, "takes signed modules only") {
		t.Errorf("a push: %q", errs)
	}
	_, err := d.Modules.UploadModule(t.Context(), &reactorv1.UploadModuleRequest{Content: examples.Sleeper})
	wantReason(t, err, codes.FailedPrecondition, "SIGNATURE_REQUIRED", "takes signed modules only")

	sign(t, artifact, artifact, signer)
	if err := fetch(); err != nil {
		t.Fatal(err)
	}
	c.must(t, "run", "--daemon-pulls", ref, "1", "1")
}

// What was in the store before a signature was required is admitted once its signature has been verified, and no longer than the
// key is accepted. What runs goes on.
func TestSignatureRequiredLater(t *testing.T) {
	t.Parallel()
	address, dir := testkit.Registry(t, false), t.TempDir()
	signer, key := newSigner(t)
	_, otherKey := newSigner(t)
	d := testkit.Start(t, dir)
	module, lib := d.Push(t, examples.Sleeper), d.Push(t, library(t))
	c := newCtlOf(t, d)
	c.must(t, "submit", "--id=before", module, "1", "3600000")
	d.Stop()

	d = testkit.Start(t, dir, "--registry=http://"+address, "--require-signature="+key)
	c = newCtlOf(t, d)
	spec := &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "1"}}
	submit := func() error {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
		return err
	}
	snapshot := func() (*reactorv1.Module, error) {
		made, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{Module: lib})
		return made.GetModule(), err
	}
	refused := func(err error, why string) {
		t.Helper()
		wantReason(t, err, codes.FailedPrecondition, "SIGNATURE_REQUIRED", why)
	}
	const unverified = "no signature of this module was verified"
	refused(submit(), unverified)
	_, err := snapshot()
	refused(err, unverified)
	_, err = d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{
		Spec: &reactorv1.WorkloadSpec{Module: module, Call: &reactorv1.FunctionCall{Export: "f"}},
	})
	refused(err, unverified)
	batch, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{
		Requests: []*reactorv1.SubmitWorkloadRequest{{Spec: spec}},
	})
	if err != nil || !strings.Contains(batch.GetResults()[0].GetError().GetMessage(), unverified) {
		t.Errorf("a batch: %v, %v", batch, err)
	}

	verified := func(name string, binary []byte) (artifact, by string) {
		t.Helper()
		artifact = strings.TrimPrefix(c.must(t, "module", "push", guestFile(t, name+".wasm", binary), "oci://"+address+"/me/"+name+":1"), "oci://")
		sign(t, artifact, artifact, signer)
		fetched, err := d.Modules.FetchModule(t.Context(), &reactorv1.FetchModuleRequest{Reference: artifact})
		if err != nil || !fetched.GetExisted() || fetched.GetModule().GetArtifact() != artifact {
			t.Fatalf("FetchModule: %v, %v", fetched, err)
		}
		return artifact, fetched.GetModule().GetSigner()
	}
	verified("library", library(t))
	artifact, by := verified("sleeper", examples.Sleeper)
	if err := submit(); err != nil {
		t.Error(err)
	}
	if made, err := snapshot(); err != nil || made.GetSigner() != by || by == "" {
		t.Errorf("a snapshot of what %q has signed: %v, %v", by, made, err)
	}
	shown := c.must(t, "module", "inspect", module)
	if !strings.Contains(shown, artifact) || !strings.Contains(shown, by) {
		t.Errorf("module inspect says\n%s", shown)
	}

	text, err := os.ReadFile(otherKey)
	if err == nil {
		err = os.WriteFile(key, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	until(t, "the key is not accepted any more", func() bool { return submit() != nil })
	refused(submit(), "with another key than those that are accepted, "+by)
	if ops := c.must(t, "ops", "before"); !strings.Contains(ops, "timer") {
		t.Errorf("the workload from before has the operations\n%s", ops)
	}
}

// newSigner makes a key for signatures, and writes its public half to a file.
func newSigner(t *testing.T) (signer *ecdsa.PrivateKey, file string) {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&signer.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "cosign.pub")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		t.Fatal(err)
	}
	return signer, file
}

// sign puts a signature beside an artifact, as cosign sign --key does: of what is named, which may be another artifact.
func sign(t *testing.T, artifact, of string, signer *ecdsa.PrivateKey) {
	t.Helper()
	repository, digest, _ := strings.Cut(artifact, "@")
	host, repository, _ := strings.Cut(repository, "/")
	_, signed, _ := strings.Cut(of, "@")
	payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		host+"/"+repository, signed)
	sum := sha256.Sum256([]byte(payload))
	signature, err := ecdsa.SignASN1(rand.Reader, signer, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	put := func(kind, name, mediaType, content string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+host+"/v2/"+repository+"/"+kind+name, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", mediaType)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s: %s", kind, name, answer.Status)
		}
	}
	blob := func(content string) map[string]any {
		t.Helper()
		begun, err := http.Post("http://"+host+"/v2/"+repository+"/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = begun.Body.Close()
		location, err := begun.Location()
		if err != nil {
			t.Fatal(err)
		}
		query := location.Query()
		query.Set("digest", testkit.Digest([]byte(content)))
		_, upload, _ := strings.Cut(location.Path, "/blobs/uploads/")
		put("blobs/uploads/", upload+"?"+query.Encode(), "application/octet-stream", content)
		return map[string]any{"digest": testkit.Digest([]byte(content)), "size": len(content)}
	}
	config := blob("{}")
	config["mediaType"] = "application/vnd.oci.image.config.v1+json"
	layer := blob(payload)
	layer["mediaType"] = "application/vnd.dev.cosign.simplesigning.v1+json"
	layer["annotations"] = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{layer},
	})
	if err != nil {
		t.Fatal(err)
	}
	put("manifests/", strings.Replace(digest, ":", "-", 1)+".sig", "application/vnd.oci.image.manifest.v1+json", string(manifest))
}
