package oci

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
)

// Words of cosign's signatures.
const (
	simpleSigning   = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureOf     = "dev.cosignproject.cosign/signature"
	signatureType   = "cosign container image signature"
	bundleType      = "application/vnd.dev.sigstore.bundle.v0.3+json"
	statementType   = "application/vnd.in-toto+json"
	signedPredicate = "https://sigstore.dev/cosign/sign/v1"
	predicateOf     = "dev.sigstore.bundle.predicateType"
)

const (
	// maxSignatures is how many signatures of an artifact are looked at, of either form.
	maxSignatures = 64
	// maxPayload bounds what is signed, and a bundle.
	maxPayload = 256 << 10
	// minRSA is the size of the smallest key that is accepted.
	minRSA = 2048
)

// Key is a public key that signatures are verified with.
type Key struct {
	public crypto.PublicKey
	id     string
}

// ParseKey parses a public key in PEM, as cosign writes it: ECDSA, Ed25519 or RSA.
func ParseKey(text []byte) (Key, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil || block.Type != "PUBLIC KEY":
		return Key{}, errors.New(`there is no public key in PEM, which begins with "-----BEGIN PUBLIC KEY-----"`)
	case strings.TrimSpace(string(rest)) != "":
		return Key{}, errors.New("there is more than one key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("it is not a public key: %w", err)
	}
	// Of the form that this key is written in here, whatever the file's was.
	canonical, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Key{}, fmt.Errorf("it is not a public key: %w", err)
	}
	key := Key{public, digest.FromBytes(canonical).String()}
	switch k := public.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return key, nil
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return Key{}, fmt.Errorf("an RSA key of %d bits is too short: %d are needed", k.N.BitLen(), minRSA)
		}
		return key, nil
	}
	return Key{}, fmt.Errorf("it is a key of another kind, %T: give ECDSA, Ed25519 or RSA", public)
}

// ID names the key: "sha256:" and the digest of its PKIX form (RFC 5280, section 4.1: SubjectPublicKeyInfo).
func (k Key) ID() string { return k.id }

// verifies reports whether a signature of a message was made with the key's private half: over SHA-256 as cosign's older forms have
// it for all keys, or over the hash that cosign takes for keys of this kind.
func (k Key) verifies(message, signature []byte) bool {
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, sum(crypto.SHA256, message), signature) ||
			ecdsa.VerifyASN1(public, sum(hashFor(public), message), signature)
	case ed25519.PublicKey: // itself, or Ed25519ph (RFC 8032, section 5.1)
		return ed25519.Verify(public, message, signature) ||
			ed25519.VerifyWithOptions(public, sum(crypto.SHA512, message), signature, &ed25519.Options{Hash: crypto.SHA512}) == nil
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum(crypto.SHA256, message), signature) == nil
	}
	return false
}

// hashFor returns the hash that is as strong as a key's curve.
func hashFor(key *ecdsa.PublicKey) crypto.Hash {
	switch bits := key.Curve.Params().BitSize; {
	case bits > 384:
		return crypto.SHA512
	case bits > 256:
		return crypto.SHA384
	}
	return crypto.SHA256
}

func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// Verify returns the key with which cosign has signed the artifact, in the form of a tag beside it or in that of a bundle that
// refers to it. If that is none of the keys it returns an Error of the kind Unsigned. Transparency logs are not asked.
func (c *Client) Verify(ctx context.Context, a *Artifact, keys []Key) (*Key, error) {
	repository, err := c.repository(a.Reference)
	if err != nil {
		return nil, err
	}
	v := &verification{repository: repository, artifact: a, keys: keys}
	for _, subject := range a.subjects {
		for _, look := range []func(context.Context, ocispec.Descriptor) error{v.tag, v.bundles} {
			err := look(ctx, subject)
			if errors.Is(err, errdef.ErrNotFound) {
				return nil, a.Reference.errorf(Untrue, "the registry announces a signature, and does not have it")
			}
			if err != nil {
				return nil, a.Reference.explain(ctx, err)
			}
			if v.signer != nil {
				return v.signer, nil
			}
		}
	}
	if v.seen == 0 {
		return nil, a.Reference.errorf(Unsigned, "it has no signature")
	}
	if v.seen == maxSignatures {
		return nil, a.Reference.errorf(Unsigned, "none of its first %d signatures was made for it with a key that is accepted, and no more are looked at", v.seen)
	}
	return nil, a.Reference.errorf(Unsigned, "none of its signatures (%d) was made for it with a key that is accepted", v.seen)
}

// verification looks for a valid signature.
type verification struct {
	repository *remote.Repository
	artifact   *Artifact
	keys       []Key
	seen       int
	signer     *Key // whose signature is valid
}

// more reports whether to look at another signature, and counts it.
func (v *verification) more() bool {
	if v.signer != nil || v.seen >= maxSignatures {
		return false
	}
	v.seen++
	return true
}

// tag looks at the signatures that are layers of the manifest at the tag that a digest has for them.
func (v *verification) tag(ctx context.Context, subject ocispec.Descriptor) error {
	name := strings.Replace(subject.Digest.String(), ":", "-", 1) + ".sig"
	top, err := v.repository.Resolve(ctx, name)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil
	}
	var manifest ocispec.Manifest
	if err == nil {
		err = readJSON(ctx, v.repository, v.artifact.Reference, top, &manifest)
	}
	if err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		signature, encoded := base64.StdEncoding.DecodeString(layer.Annotations[signatureOf])
		if layer.MediaType != simpleSigning || encoded != nil || !v.more() {
			continue
		}
		payload, err := v.blob(ctx, layer)
		if err != nil {
			return err
		}
		if isPayloadOf(payload, subject.Digest) {
			v.signer = v.signerOf(payload, signature)
		}
	}
	return nil
}

// isPayloadOf reports whether a signed text is about a digest.
func isPayloadOf(payload []byte, subject digest.Digest) bool {
	var text struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	return json.Unmarshal(payload, &text) == nil && text.Critical.Type == signatureType && text.Critical.Image.Digest == subject.String()
}

// bundles looks at the signatures that refer to the artifact.
func (v *verification) bundles(ctx context.Context, subject ocispec.Descriptor) error {
	var found []ocispec.Descriptor
	err := v.repository.Referrers(ctx, subject, "", func(page []ocispec.Descriptor) error {
		for _, referrer := range page {
			// Some list what refers to an artifact by the type of its config, which is none.
			bundle := referrer.ArtifactType == bundleType || referrer.ArtifactType == ocispec.MediaTypeEmptyJSON
			if predicate := referrer.Annotations[predicateOf]; bundle && (predicate == "" || predicate == signedPredicate) {
				found = append(found, referrer)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	for _, referrer := range found[:min(len(found), maxSignatures)] {
		var manifest ocispec.Manifest
		if err := readJSON(ctx, v.repository, v.artifact.Reference, referrer, &manifest); err != nil {
			return err
		}
		if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != bundleType || !v.more() {
			continue
		}
		text, err := v.blob(ctx, manifest.Layers[0])
		if err != nil {
			return err
		}
		v.signer = v.signerOfBundle(text, subject.Digest)
	}
	return nil
}

// signerOfBundle returns the key of a bundle's signature, if that is valid and of a statement that a digest is signed.
func (v *verification) signerOfBundle(text []byte, subject digest.Digest) *Key {
	var bundle struct {
		Envelope struct {
			Payload     []byte `json:"payload"`
			PayloadType string `json:"payloadType"`
			Signatures  []struct {
				Sig []byte `json:"sig"`
			} `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	var statement struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if json.Unmarshal(text, &bundle) != nil || json.Unmarshal(bundle.Envelope.Payload, &statement) != nil {
		return nil
	}
	if e := bundle.Envelope; e.PayloadType != statementType || len(e.Signatures) != 1 || statement.PredicateType != signedPredicate {
		return nil
	}
	if len(statement.Subject) != 1 || statement.Subject[0].Digest["sha256"] != subject.Encoded() {
		return nil
	}
	return v.signerOf(preAuthenticated(bundle.Envelope.PayloadType, bundle.Envelope.Payload), bundle.Envelope.Signatures[0].Sig)
}

// preAuthenticated is what an envelope's signature is of.
func preAuthenticated(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// signerOf returns the key that has made a signature, nil if none has.
func (v *verification) signerOf(message, signature []byte) *Key {
	for i := range v.keys {
		if v.keys[i].verifies(message, signature) {
			return &v.keys[i]
		}
	}
	return nil
}

// blob reads a small blob, and compares it with its digest.
func (v *verification) blob(ctx context.Context, of ocispec.Descriptor) ([]byte, error) {
	ref := v.artifact.Reference
	text, err := readSmall(ctx, func(ctx context.Context) ([]byte, error) {
		if of.Size > maxPayload || of.Digest.Validate() != nil {
			return nil, ref.errorf(Untrue, "a signature is of %d bytes, more than the %d that are read, or of an invalid digest", of.Size, maxPayload)
		}
		body, err := v.repository.Blobs().Fetch(ctx, of)
		if err != nil {
			return nil, err
		}
		defer body.Close() //nolint:errcheck // it was only read
		return content.ReadAll(body, of)
	})
	if isUntrue(err) {
		return nil, ref.errorf(Untrue, "a signature is not the one that was announced: %w", err)
	}
	return text, err
}
