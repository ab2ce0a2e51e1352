package digest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/digest"
)

const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1

func TestSums(t *testing.T) {
	if got := digest.Bytes([]byte("abc")); got != abc {
		t.Errorf("got %s", got)
	}
	path := filepath.Join(t.TempDir(), "abc")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum, size, err := digest.File(t.Context(), path); sum != abc || size != 3 || err != nil {
		t.Errorf("got %s, %d, %v", sum, size, err)
	}
	for text, want := range map[string]bool{abc: true, abc[1:]: false, strings.ToUpper(abc): false, "": false} {
		if digest.Is(text) != want {
			t.Errorf("%q: not %v", text, want)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReaderEnds(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, _, err := digest.Reader(ctx, endless{}, func(int64) { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}
