package render_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart/render"

	"github.com/imgasm/imgasm/kickstart"
)

func TestHashPassword(t *testing.T) {
	hash, err := render.HashPassword("packer", []byte("seed"), "root")
	if err != nil {
		t.Fatal(err)
	}
	if !kickstart.IsHashed(hash) {
		t.Errorf("%q is not seen as a hash", hash)
	}
	if again, _ := render.HashPassword(hash, []byte("other"), "root"); again != hash {
		t.Errorf("a hash was hashed again: %q", again)
	}
	for name, other := range map[string]string{
		"another account":  must(render.HashPassword("packer", []byte("seed"), "admin")),
		"another seed":     must(render.HashPassword("packer", []byte("tree"), "root")),
		"another password": must(render.HashPassword("Packer", []byte("seed"), "root")),
	} {
		if other == hash {
			t.Errorf("%s gives the same hash", name)
		}
	}
}

// TestHashPasswordOpenSSL compares with an independent implementation.
func TestHashPasswordOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl to compare the hashes with")
	}
	for _, password := range []string{"packer", "Grüße, 世界", strings.Repeat("long ", 40)} {
		hash, err := render.HashPassword(password, []byte("seed"), "root")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(openssl, "passwd", "-6", "-salt", strings.Split(hash, "$")[2], "-stdin")
		cmd.Stdin = strings.NewReader(password + "\n")
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("openssl passwd -6: %v", err)
		}
		if got := strings.TrimSpace(string(out)); got != hash {
			t.Errorf("%q: openssl says %s, we say %s", password, got, hash)
		}
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}
