package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// key makes a signing key that was created on day0 and lives for the given time (0: for ever).
func key(t testing.TB, name string, life time.Duration) (*openpgp.Entity, *Keyring) {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", name+"@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return day0 }, KeyLifetimeSecs: uint32(life / time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	k, err := ReadKeyring(name, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return e, k
}

func sign(t testing.TB, e *openpgp.Entity, text string, config *packet.Config) []byte {
	t.Helper()
	if config == nil {
		config = &packet.Config{}
	}
	if config.Time == nil {
		config.Time = func() time.Time { return day0.Add(time.Hour) }
	}
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, e.PrivateKey, config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAlmaLinuxKey(t *testing.T) {
	k, err := AlmaLinux()
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Fingerprints(); len(got) != 1 || got[0] != AlmaLinuxFingerprint {
		t.Errorf("the embedded key is %v", got)
	}
	if _, err := Pinned("x", almaLinuxKey, "0000"); err == nil {
		t.Error("a key of another fingerprint was accepted")
	}
}

func TestClearSigned(t *testing.T) {
	e, k := key(t, "good", 0)
	text := "# a: 3 bytes\nSHA256 (a) = 00\n- dash\n"
	got, sig, err := k.ClearSigned(sign(t, e, text, nil), day0.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("text %q", got)
	}
	if sig.Fingerprint != k.Fingerprints()[0] || sig.UserID != "good <good@example.org>" || !sig.Created.Equal(day0.Add(time.Hour)) {
		t.Errorf("signature %+v", sig)
	}
}

func TestClearSignedRefuses(t *testing.T) {
	e, k := key(t, "good", 30*24*time.Hour)
	other, _ := key(t, "other", 0)
	text := "SHA256 (a) = 00\n"
	good := sign(t, e, text, nil)
	shortLived := sign(t, e, text, &packet.Config{SigLifetimeSecs: 60})
	later := day0.Add(24 * time.Hour)
	for _, c := range []struct {
		name string
		data []byte
		now  time.Time
		want error
	}{
		{"plain text", []byte(text), later, ErrUnsigned},
		{"empty", nil, later, ErrUnsigned},
		{"another key", sign(t, other, text, nil), later, ErrUnknownKey},
		{"changed text", bytes.Replace(good, []byte("= 00"), []byte("= 01"), 1), later, ErrBad},
		{"text after it", append(bytes.Clone(good), "\nSHA256 (b) = 11\n"...), later, ErrBad},
		{"text before it", append([]byte("SHA256 (b) = 11\n"), good...), later, ErrUnsigned},
		{"cut off", good[:len(good)-40], later, ErrBad},
		{"expired signature", shortLived, later, ErrExpired},
		{"expired key", good, day0.Add(60 * 24 * time.Hour), ErrExpired},
		{"made in the future", good, day0, ErrExpired},
		{"not armored inside", []byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n=AAAA\n-----END PGP SIGNATURE-----\n"), later, ErrBad},
	} {
		text, _, err := k.ClearSigned(c.data, c.now)
		if !errors.Is(err, c.want) || text != nil {
			t.Errorf("%s: %v, text %q; want %v", c.name, err, text, c.want)
		}
	}
}

func TestDetachedWeakHash(t *testing.T) {
	e, k := key(t, "good", 0)
	sig := &packet.Signature{
		SigType: packet.SigTypeBinary, PubKeyAlgo: e.PrivateKey.PubKeyAlgo, Hash: crypto.SHA224,
		CreationTime: day0.Add(time.Hour), IssuerKeyId: &e.PrimaryKey.KeyId,
	}
	h := crypto.SHA224.New()
	h.Write([]byte("data"))
	if err := sig.Sign(h, e.PrivateKey, nil); err != nil {
		t.Skip("the library makes no SHA-224 signatures any more: ", err)
	}
	var b bytes.Buffer
	if err := sig.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Detached(bytes.NewReader([]byte("data")), b.Bytes(), day0.Add(2*time.Hour)); !errors.Is(err, ErrWeak) && !errors.Is(err, ErrBad) {
		t.Errorf("a SHA-224 signature: %v", err)
	}
}

func TestReadKeyringSeveralBlocks(t *testing.T) {
	var b bytes.Buffer
	for _, name := range []string{"one", "two"} {
		e, _ := key(t, name, 0)
		w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Serialize(w); err != nil {
			t.Fatal(err)
		}
		w.Close()
		b.WriteString("\n")
	}
	k, err := ReadKeyring("two keys", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(k.Fingerprints()); n != 2 {
		t.Errorf("%d keys of 2", n)
	}
	for _, bad := range []string{"", "nothing", "-----BEGIN PGP SIGNATURE-----"} {
		if _, err := ReadKeyring("bad", []byte(bad)); err == nil {
			t.Errorf("%q was taken for a keyring", bad)
		}
	}
}

func FuzzClearSigned(f *testing.F) {
	e, k := key(f, "good", 0)
	f.Add(sign(f, e, "SHA256 (a) = 00\n", nil))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, sig, err := k.ClearSigned(data, day0.Add(2*time.Hour))
		if (err == nil) != (sig != nil) || (err != nil && text != nil) {
			t.Fatalf("text %q, signature %v, error %v", text, sig, err)
		}
		if err == nil && strings.TrimSpace(string(text)) != "SHA256 (a) = 00" {
			t.Fatalf("forged: %q", text)
		}
	})
}
