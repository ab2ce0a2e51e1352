// Package pgptest makes OpenPGP keys for tests, and signs with them.
package pgptest

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/imgasm/imgasm/internal/pgp"
)

// Key is a key that is thrown away.
type Key struct {
	entity *openpgp.Entity
	Public []byte // what pgp.ReadKeyring reads
	Ring   *pgp.Keyring
}

// New makes a key at the time made, which expires after life; 0: never.
func New(t testing.TB, made time.Time, life time.Duration) Key {
	t.Helper()
	e, err := openpgp.NewEntity("test mirror", "", "mirror@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }, KeyLifetimeSecs: uint32(life.Seconds())})
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	if err := e.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	ring, err := pgp.ReadKeyring("test", public.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return Key{e, public.Bytes(), ring}
}

// Sign makes a clear-signed message at the time made, whose signature expires
// after life; 0: never.
func (k Key) Sign(t testing.TB, text string, made time.Time, life time.Duration) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, k.entity.PrivateKey, &packet.Config{Time: func() time.Time { return made }, SigLifetimeSecs: uint32(life.Seconds())})
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
