package source

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
)

func TestFetchBadChecksums(t *testing.T) {
	name := "AlmaLinux-10.2-x86_64-boot.iso"
	for _, c := range []struct {
		name string
		file func(t *testing.T, r *rig) []byte
		want error
	}{
		{"unsigned", func(t *testing.T, r *rig) []byte {
			return []byte(checksumText(map[string][]byte{name: r.iso}))
		}, pgp.ErrUnsigned},
		{"signed by somebody else", func(t *testing.T, r *rig) []byte {
			return newKey(t, 0).Sign(t, checksumText(map[string][]byte{name: r.iso}), today.AddDate(0, -1, 0), 0)
		}, pgp.ErrUnknownKey},
		{"signature expired", func(t *testing.T, r *rig) []byte {
			return r.signer.Sign(t, checksumText(map[string][]byte{name: r.iso}), today.AddDate(0, -1, 0), 24*time.Hour)
		}, pgp.ErrExpired},
		{"key expired", func(t *testing.T, r *rig) []byte {
			r.signer = newKey(t, 30*24*time.Hour)
			r.fetcher.Keyring = r.signer.Ring
			return r.signer.Sign(t, checksumText(map[string][]byte{name: r.iso}), today.AddDate(-1, 0, 1), 0)
		}, pgp.ErrExpired},
		{"tampered with", func(t *testing.T, r *rig) []byte {
			r.iso = content(7, isoSize)
			return bytes.Replace(r.files["/10/isos/x86_64/CHECKSUM"], []byte(sumOf(r.files[r.path])), []byte(sumOf(r.iso)), 1)
		}, pgp.ErrBad},
		{"a login page", func(t *testing.T, r *rig) []byte { return []byte("<html>Please log in</html>") }, pgp.ErrUnsigned},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.files["/10/isos/x86_64/CHECKSUM"] = c.file(t, r)
			f, err := r.fetcher.Fetch(context.Background(), r.request)
			if !errors.Is(err, c.want) || !errors.Is(err, ErrVerify) || f != nil {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if r.requests(r.path) != 0 {
				t.Error("the ISO was asked for all the same")
			}
			if a := r.asides(t); len(a) != 1 || !strings.HasSuffix(err.Error(), "set aside as "+a[0]) {
				t.Errorf("set aside: %v, the error says %v", a, err)
			}
		})
	}
}

func TestFetchHugeChecksum(t *testing.T) {
	r := newRig(t)
	r.files["/10/isos/x86_64/CHECKSUM"] = bytes.Repeat([]byte("x"), maxChecksumBytes+1)
	var length *fetch.LengthError
	if _, err := r.fetcher.Fetch(context.Background(), r.request); !errors.As(err, &length) {
		t.Error(err)
	}
}

func TestFetchOlderChecksumWarns(t *testing.T) {
	r := newRig(t)
	r.fetchGood(t)
	r.files["/10/isos/x86_64/CHECKSUM"] = r.signer.Sign(t, checksumText(map[string][]byte{"AlmaLinux-10.2-x86_64-boot.iso": r.iso}), today.AddDate(0, -9, 0), 0)
	r.fetchGood(t)
	if !r.said("is this mirror behind?") {
		t.Error("an older CHECKSUM than before passed without a word")
	}
}
