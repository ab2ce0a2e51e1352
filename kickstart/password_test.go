package kickstart

import (
	"os/exec"
	"strings"
	"testing"
)

func TestHashPassword(t *testing.T) {
	hash, err := HashPassword("packer", []byte("seed"), "root")
	if err != nil {
		t.Fatal(err)
	}
	if !IsHashed(hash) {
		t.Errorf("%q is not seen as a hash", hash)
	}
	if again, _ := HashPassword(hash, []byte("other"), "root"); again != hash {
		t.Errorf("a hash was hashed again: %q", again)
	}
	for name, other := range map[string]string{
		"another account":  must(HashPassword("packer", []byte("seed"), "admin")),
		"another seed":     must(HashPassword("packer", []byte("tree"), "root")),
		"another password": must(HashPassword("Packer", []byte("seed"), "root")),
	} {
		if other == hash {
			t.Errorf("%s gives the same hash", name)
		}
	}
}

func TestIsHashed(t *testing.T) {
	const digest = "rLNWgMPxuObkonsDLELRmXngzhLW6zg.LHB4Vgj/fj6q0tC/Io7CdE8gj77zn8qoRrAFLRQ9PhjDrcRA8TthM0"
	for hash, want := range map[string]bool{
		"$6$WiRBTAD22ZuvEtBn$" + digest:                                             true,
		"$6$rounds=65536$WiRBTAD22ZuvEtBn$" + digest:                                true,
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7": true,
		"$6$WiRBTAD22ZuvEtBn$" + digest[1:]:                                         false,
		"$6$WiRBTAD22ZuvEtBn$" + digest + "\n":                                      false,
		"$6$with space$" + digest:                                                   false,
		"$1$salt$qJH7.N4xYta3aEG/dfqo/0":                                            false,
		"packer":                                                                    false,
		"":                                                                          false,
	} {
		if got := IsHashed(hash); got != want {
			t.Errorf("IsHashed(%q) = %v", hash, got)
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
		hash, err := HashPassword(password, []byte("seed"), "root")
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

func TestQuote(t *testing.T) {
	for value, want := range map[string]string{
		"":                      `""`,
		"plain":                 "plain",
		"$6$a/b.c":              "$6$a/b.c",
		"two words":             `"two words"`,
		"a#b":                   `"a#b"`,
		`quote " and \ slash`:   `"quote \" and \\ slash"`,
		"it's":                  `"it's"`,
		"--append=quiet splash": `--append="quiet splash"`,
		"--gecos=":              "--gecos=",
		"Grüße":                 `"Grüße"`,
	} {
		got, err := Quote(value)
		if err != nil || got != want {
			t.Errorf("Quote(%q) = %s, %v; want %s", value, got, err, want)
		}
	}
	for _, value := range []string{"a\nb", "a\rb", "a\x00", "\x1b[31m", "a\u2028b", "a\u0085b", "\xff"} {
		if got, err := Quote(value); err == nil {
			t.Errorf("Quote(%q) = %s, want an error", value, got)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", `\"'`, "--x=y z", "#", "%end", "é\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text, err := Quote(value)
		if err != nil {
			return
		}
		file, err := Parse("fuzz", []byte("x "+text+" y\n"))
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Nodes) != 1 {
			t.Fatalf("%q: %d nodes", text, len(file.Nodes))
		}
		words := file.Commands()[0].Words
		if len(words) != 3 || words[1].Value != value || words[2].Value != "y" {
			t.Errorf("%q was written %s and read %q", value, text, wordValues(words))
		}
	})
}
