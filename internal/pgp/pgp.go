// Package pgp checks OpenPGP signatures of the inputs that others publish:
// clear-signed CHECKSUM files and RPM packages (RFC 9580). It holds the one
// key that imgasm trusts without being told: AlmaLinux 10's.
package pgp

import (
	"bytes"
	"crypto"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/imgasm/imgasm/internal/fault"
)

// AlmaLinuxFingerprint is that of AlmaLinux 10's signing key, as published in
// AlmaLinux's release notes; it signs Kitten 10 too. RSA 4096, 2024-07-11.
const AlmaLinuxFingerprint = "EE6DB7B98F5BF5EDD9DA0DE5DEE5C11CC2A1E572"

//go:embed RPM-GPG-KEY-AlmaLinux-10
var almaLinuxKey []byte

// Reasons why a signature is not accepted. Errors of this package wrap one.
var (
	ErrUnsigned   = fault.Class(fault.Input, "is not signed")
	ErrUnknownKey = fault.Class(fault.Input, "is signed by a key that is not trusted")
	ErrExpired    = fault.Class(fault.Input, "its signature or the signing key has expired")
	ErrRevoked    = fault.Class(fault.Input, "the signing key was revoked")
	ErrBad        = fault.Class(fault.Input, "its signature does not fit: it was changed after it was signed")
	ErrWeak       = fault.Class(fault.Input, "its signature uses a hash that is no longer trusted")
)

// Signature is what is known of a signature that was accepted.
type Signature struct {
	Fingerprint string    `json:"fingerprint"` // of the primary key, 40 upper-case hexadecimal digits
	UserID      string    `json:"userID,omitempty"`
	Created     time.Time `json:"created"`
}

// String is for a person: the user and the end of the fingerprint.
func (s Signature) String() string {
	id := s.Fingerprint
	if len(id) > 16 {
		id = id[len(id)-16:]
	}
	return fmt.Sprintf("%s (%s), %s", s.UserID, id, s.Created.UTC().Format(time.DateOnly))
}

// Keyring is a set of trusted public keys.
type Keyring struct {
	entities openpgp.EntityList
	name     string
}

// AlmaLinux is the built-in keyring. It refuses to serve if the key in this
// program is not the one of the pinned fingerprint.
func AlmaLinux() (*Keyring, error) {
	return Pinned("AlmaLinux 10's key", almaLinuxKey, AlmaLinuxFingerprint)
}

// Pinned reads keys that are built into this program. It refuses to serve if
// their primary keys are not exactly those of the fingerprints, in that order.
func Pinned(name string, keys []byte, fingerprints ...string) (*Keyring, error) {
	k, err := ReadKeyring(name, keys)
	if err != nil {
		return nil, err
	}
	if got := k.Fingerprints(); !slices.Equal(got, fingerprints) {
		return nil, fmt.Errorf("%s: built in with fingerprint %s, but %s is pinned: this program was tampered with", name, strings.Join(got, ", "), strings.Join(fingerprints, ", "))
	}
	return k, nil
}

// ReadKeyring reads public keys, armored (one block or several after one
// another, as in /etc/pki/rpm-gpg) or binary. Name is for messages. An empty
// keyring is an error.
func ReadKeyring(name string, data []byte) (*Keyring, error) {
	k := &Keyring{name: name}
	if !bytes.Contains(data, []byte("-----BEGIN PGP")) {
		el, err := openpgp.ReadKeyRing(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("keyring %s: %w", name, err)
		}
		k.entities = el
	} else {
		for rest := data; ; {
			i := bytes.Index(rest, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
			if i < 0 {
				break
			}
			rest = rest[i:]
			el, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(rest))
			if err != nil {
				return nil, fmt.Errorf("keyring %s: %w", name, err)
			}
			k.entities = append(k.entities, el...)
			rest = rest[len("-----BEGIN"):]
		}
	}
	if len(k.entities) == 0 {
		return nil, fmt.Errorf("keyring %s: holds no public key", name)
	}
	return k, nil
}

// Fingerprints lists the primary keys, in the form of AlmaLinuxFingerprint.
func (k *Keyring) Fingerprints() []string {
	var out []string
	for _, e := range k.entities {
		out = append(out, fmt.Sprintf("%X", e.PrimaryKey.Fingerprint))
	}
	return out
}

// ClearSigned checks a clear-signed message (RFC 9580, section 7) and returns
// the text that was signed, with LF line ends (whether the last one is part of the text depends on
// the signer). The whole of data must be the
// message: text before or after it would be read by people as signed too.
func (k *Keyring) ClearSigned(data []byte, now time.Time) ([]byte, *Signature, error) {
	data = bytes.TrimSpace(data)
	if !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return nil, nil, ErrUnsigned
	}
	block, rest := clearsign.Decode(data)
	if block == nil {
		return nil, nil, fmt.Errorf("%w: the clear-signed message is damaged or cut off", ErrBad)
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, nil, fmt.Errorf("%w: text follows after the signature", ErrBad)
	}
	sig, err := io.ReadAll(io.LimitReader(block.ArmoredSignature.Body, 1<<20))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	s, err := k.Detached(bytes.NewReader(block.Bytes), sig, now)
	if err != nil {
		return nil, nil, err
	}
	return block.Plaintext, s, nil
}

// Detached checks a binary signature over what signed yields.
func (k *Keyring) Detached(signed io.Reader, signature []byte, now time.Time) (*Signature, error) {
	config := &packet.Config{Time: func() time.Time { return now }}
	sig, signer, err := openpgp.VerifyDetachedSignature(k.entities, signed, bytes.NewReader(signature), config)
	switch {
	case err == nil:
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return nil, fmt.Errorf("%w: %s; %s has %s", ErrUnknownKey, issuer(signature), k.name, strings.Join(k.Fingerprints(), ", "))
	case errors.Is(err, pgperrors.ErrSignatureExpired), errors.Is(err, pgperrors.ErrKeyExpired):
		return nil, fmt.Errorf("%w (%s)", ErrExpired, now.UTC().Format(time.DateOnly))
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return nil, ErrRevoked
	default:
		return nil, fmt.Errorf("%w (%w)", ErrBad, err)
	}
	// SHA-1 and MD5 collisions are practical.
	switch sig.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
	default:
		return nil, fmt.Errorf("%w: %v", ErrWeak, sig.Hash)
	}
	s := &Signature{Fingerprint: fmt.Sprintf("%X", signer.PrimaryKey.Fingerprint), Created: sig.CreationTime.UTC()}
	if id := signer.PrimaryIdentity(); id != nil {
		s.UserID = id.Name
	}
	return s, nil
}

// issuer names the key that a signature says it was made with.
func issuer(signature []byte) string {
	p, err := packet.Read(bytes.NewReader(signature))
	if sig, ok := p.(*packet.Signature); err == nil && ok {
		if len(sig.IssuerFingerprint) > 0 {
			return fmt.Sprintf("%X", sig.IssuerFingerprint)
		}
		if sig.IssuerKeyId != nil {
			return fmt.Sprintf("key %016X", *sig.IssuerKeyId)
		}
	}
	return "a key that it does not name"
}
