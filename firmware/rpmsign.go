// Whether an RPM package is what its packager signed: the header by its own
// signature, as rpm makes it since 4.14, the payload by a digest in the header.

package firmware

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/pgp"
)

// Tags of the signature header (rpmtag.h, RPMSIGTAG_*).
const (
	sigDSA     = 267 // OpenPGP over the header: DSA and EdDSA keys
	sigRSA     = 268 // the same: RSA keys
	sigSHA256  = 273 // digest of the header
	sigOpenPGP = 278 // rpm 6: an array of OpenPGP signatures, in base64
	sigPGP     = 1002
	sigGPG     = 1005
)

// Tags of the header (RPMTAG_*).
const (
	tagName               = 1000
	tagVersion            = 1001
	tagRelease            = 1002
	tagArch               = 1022
	tagPayloadFormat      = 1124
	tagPayloadCompression = 1125
	tagPayloadDigest      = 5092
	tagPayloadDigestAlgo  = 5093
)

// errPayload is a payload that is not the one of the signed header.
var errPayload = errors.New("its payload does not have the digest that the signed header states")

// verify checks signature and digests of the whole package.
func (f *rpmFile) verify(r io.ReaderAt, size int64, keys *pgp.Keyring, now time.Time) (*pgp.Signature, error) {
	if want := f.signature.strings(sigSHA256); len(want) == 1 {
		sum := sha256.Sum256(f.header.raw)
		if !strings.EqualFold(want[0], hex.EncodeToString(sum[:])) {
			return nil, fmt.Errorf("%w: the header's SHA-256 differs", pgp.ErrBad)
		}
	}
	sig, err := f.verifyHeader(keys, now)
	if err != nil {
		return nil, err
	}
	if err := f.verifyPayload(r, size); err != nil {
		return nil, err
	}
	return sig, nil
}

// verifyHeader accepts the first signature that a key of the keyring made.
func (f *rpmFile) verifyHeader(keys *pgp.Keyring, now time.Time) (*pgp.Signature, error) {
	var candidates [][]byte
	for _, id := range []uint32{sigRSA, sigDSA} {
		if b := f.signature.binary(id); b != nil {
			candidates = append(candidates, b)
		}
	}
	for _, s := range f.signature.strings(sigOpenPGP) {
		b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(s))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", pgp.ErrBad, err)
		}
		candidates = append(candidates, b)
	}
	if len(candidates) == 0 {
		if f.signature.binary(sigPGP) != nil || f.signature.binary(sigGPG) != nil {
			return nil, fmt.Errorf("%w by its header: it was made by rpm before 4.14", pgp.ErrUnsigned)
		}
		return nil, pgp.ErrUnsigned
	}
	var first error
	for _, b := range candidates {
		sig, err := keys.Detached(bytes.NewReader(f.header.raw), b, now)
		if err == nil {
			return sig, nil
		}
		// A second signature by a key that we do know may follow one by a key
		// that we don't; one that does not fit is the end.
		if !errors.Is(err, pgp.ErrUnknownKey) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// verifyPayload compares the compressed payload with the digest in the header.
func (f *rpmFile) verifyPayload(r io.ReaderAt, size int64) error {
	want := f.header.strings(tagPayloadDigest)
	if len(want) == 0 {
		return errors.New("its header has no digest of the payload, so the signature does not cover the files")
	}
	// Numbers of hashes as in OpenPGP (RFC 9580, section 9.5).
	algorithm, ok := f.header.int32(tagPayloadDigestAlgo)
	var h hash.Hash
	switch {
	case !ok || algorithm == 8:
		h = sha256.New()
	case algorithm == 9:
		h = sha512.New384()
	case algorithm == 10:
		h = sha512.New()
	default:
		return fmt.Errorf("the digest of its payload is of an unknown or weak kind (%d)", algorithm)
	}
	if _, err := io.Copy(h, io.NewSectionReader(r, f.payloadOffset, size-f.payloadOffset)); err != nil {
		return err
	}
	if !strings.EqualFold(want[0], hex.EncodeToString(h.Sum(nil))) {
		return errPayload
	}
	return nil
}
