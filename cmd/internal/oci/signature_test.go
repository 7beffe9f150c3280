package oci

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// signer makes signatures as cosign does: over a hash, or over the message itself.
type signer struct {
	crypto.Signer
	hash crypto.Hash
}

func (s signer) sign(message string) string {
	of := []byte(message)
	if s.hash != 0 {
		of = sum(s.hash, of)
	}
	signature, err := s.Sign(rand.Reader, of, s.hash)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (s signer) pem(t *testing.T) []byte {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
}

func (s signer) key(t *testing.T) Key {
	t.Helper()
	key, err := ParseKey(s.pem(t))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSA(t *testing.T, bits int) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, crypto.SHA256}
}

func newECDSA(t *testing.T) signer { return newECDSAOf(t, elliptic.P256(), crypto.SHA256) }

func newECDSAOf(t *testing.T, curve elliptic.Curve, hash crypto.Hash) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, hash}
}

func newEd25519(t *testing.T, hash crypto.Hash) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, hash}
}

// blobOf stores a blob, and describes it.
func (f *fakeRegistry) blobOf(mediaType, content string) ocispec.Descriptor {
	d := digest.FromString(content)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blobs[d.String()] = []byte(content)
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(content))}
}

// signTag puts a signature of a digest into the tag that an artifact has for its signatures.
func (f *fakeRegistry) signTag(s signer, artifact, signed digest.Digest) {
	payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":%q},"optional":null}`, signed, signatureType)
	layer := f.blobOf(simpleSigning, payload)
	layer.Annotations = map[string]string{signatureOf: s.sign(payload)}
	f.put(strings.Replace(artifact.String(), ":", "-", 1)+".sig", ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{layer}})
}

// signBundle puts a bundle into the tag of those that refer to an artifact, for a registry that has no list of them.
func (f *fakeRegistry) signBundle(s signer, artifact, signed digest.Digest, predicate, listedAs string) {
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`, signed.Encoded(), predicate)
	bundle := fmt.Sprintf(`{"mediaType":%q,"verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payload":%q,"payloadType":%q,"signatures":[{"sig":%q}]}}`,
		bundleType, base64.StdEncoding.EncodeToString([]byte(statement)), statementType, s.sign(string(preAuthenticated(statementType, []byte(statement)))))
	manifest := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: bundleType, Layers: []ocispec.Descriptor{f.blobOf(bundleType, bundle)}}
	d := f.put("bundle", manifest)
	text, _ := json.Marshal(manifest)
	listed := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: listedAs, Digest: d, Size: int64(len(text))}
	if listedAs == bundleType { // cosign 3 says of what it is, too
		listed.Annotations = map[string]string{predicateOf: predicate}
	}
	f.put(strings.Replace(artifact.String(), ":", "-", 1), ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{listed}})
}

// A signature counts if an accepted key has made it, of this artifact, in either form that cosign has.
func TestVerify(t *testing.T) {
	ours, theirs := newECDSA(t), newECDSA(t)
	other := digest.FromString("another")
	for _, c := range []struct {
		name string
		keys []signer
		sign func(f *fakeRegistry, artifact digest.Digest)
		want string // empty: it is valid
	}{
		{"none", []signer{ours}, func(*fakeRegistry, digest.Digest) {}, "it has no signature"},
		{"ECDSA", []signer{theirs, ours}, func(f *fakeRegistry, a digest.Digest) { f.signTag(ours, a, a) }, ""},
		{"another key", []signer{ours}, func(f *fakeRegistry, a digest.Digest) { f.signTag(theirs, a, a) }, "none of its signatures (1) was made for it with a key that is accepted"},
		{"another artifact", []signer{ours}, func(f *fakeRegistry, a digest.Digest) { f.signTag(ours, a, other) }, "was made for it with a key"},
		{"bundle", []signer{ours}, func(f *fakeRegistry, a digest.Digest) { f.signBundle(ours, a, a, signedPredicate, bundleType) }, ""},
		{"bundle as cosign 2 lists it", []signer{ours}, func(f *fakeRegistry, a digest.Digest) {
			f.signBundle(ours, a, a, signedPredicate, ocispec.MediaTypeEmptyJSON)
		}, ""},
		{"bundle by another key", []signer{ours}, func(f *fakeRegistry, a digest.Digest) { f.signBundle(theirs, a, a, signedPredicate, bundleType) }, "was made for it with a key"},
		{"bundle of another artifact", []signer{ours}, func(f *fakeRegistry, a digest.Digest) { f.signBundle(ours, a, other, signedPredicate, bundleType) }, "was made for it with a key"},
		{"attestation", []signer{ours}, func(f *fakeRegistry, a digest.Digest) {
			f.signBundle(ours, a, a, "https://spdx.dev/Document", ocispec.MediaTypeEmptyJSON)
		}, "was made for it with a key"},
		{"attestation that is listed as one", []signer{ours}, func(f *fakeRegistry, a digest.Digest) {
			f.signBundle(ours, a, a, "https://spdx.dev/Document", bundleType)
		}, "it has no signature"},
		{"a tag that fails, and a bundle", []signer{ours}, func(f *fakeRegistry, a digest.Digest) {
			f.signTag(theirs, a, a)
			f.signBundle(ours, a, a, signedPredicate, bundleType)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeRegistry(t)
			f.module("1", []byte("the module"))
			client := f.client(t)
			artifact, err := client.Resolve(t.Context(), f.ref(t, "a:1"))
			if err != nil {
				t.Fatal(err)
			}
			at, _ := artifact.Reference.Digest()
			c.sign(f, at)
			var keys []Key
			for _, s := range c.keys {
				keys = append(keys, s.key(t))
			}
			by, err := client.Verify(t.Context(), artifact, keys)
			if c.want != "" {
				wantError(t, err, Unsigned, c.want)
			} else if err != nil || by.ID() != ours.key(t).ID() {
				t.Errorf("it is signed by %v, %v", by, err)
			}
		})
	}
}

// Keys of the kinds that cosign has verify their own signatures, and no others.
func TestKeys(t *testing.T) {
	for _, s := range []signer{
		newECDSA(t), newECDSAOf(t, elliptic.P384(), crypto.SHA256), newECDSAOf(t, elliptic.P384(), crypto.SHA384),
		newECDSAOf(t, elliptic.P521(), crypto.SHA512), newEd25519(t, 0), newEd25519(t, crypto.SHA512), newRSA(t, minRSA),
	} {
		signature, err := base64.StdEncoding.DecodeString(s.sign("the message"))
		if err != nil {
			t.Fatal(err)
		}
		if key := s.key(t); !key.verifies([]byte("the message"), signature) || key.verifies([]byte("another"), signature) || key.verifies([]byte("the message"), nil) {
			t.Errorf("%T, %v: a signature is not what it should be", s.Signer, s.hash)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	good := string(newECDSA(t).pem(t))
	for text, want := range map[string]string{
		"":          "no public key in PEM",
		good + good: "more than one key",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n":   "not a public key",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "no public key in PEM",
		string(newRSA(t, 1024).pem(t)):                                   "an RSA key of 1024 bits is too short",
	} {
		if _, err := ParseKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// A bundle that cosign 2.6 has made, with its key.
func TestBundleOfCosign(t *testing.T) {
	const (
		public = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEehH2ruJDonfaelBJZqrfU399CnRj
g33bKGFTx74tCSV6jXs6oy8k18tjuDaihGSbzVRqREn/bDeiYQpqH1q/sA==
-----END PUBLIC KEY-----
`
		bundle = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"jmwM9cTCJ7i3OGDxsaVTyJBrBSSSZ/HeZIKNpCuQ+6Q="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiOGQ0MmZhYmIxMTY3MDE5YjgxMDlkMTM5NDVjYTJjMmM5NWRmNDRjNTIwMDAzM2ZhMjQyMDZjZjY3YzJmZTcyNSJ9fV0sInByZWRpY2F0ZVR5cGUiOiJodHRwczovL3NpZ3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSJ9","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEQCIHNjdlD0+NjDU4kaT3kD+NfF4cmx5hNyQBdm5aOzI6HYAiB4mtT9S9kWsfWr7huHcq3JbkUpkfor1RewqU8KWHK8Mg=="}]}}`
		signed = "sha256:8d42fabb1167019b8109d13945ca2c2c95df44c5200033fa24206cf67c2fe725"
	)
	key, err := ParseKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	v := &verification{keys: []Key{key}}
	if v.signerOfBundle([]byte(bundle), signed) == nil {
		t.Error("it is not valid")
	}
	if v.signerOfBundle([]byte(bundle), digest.FromString("another")) != nil {
		t.Error("it is valid for another artifact")
	}
}
