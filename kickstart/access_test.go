package kickstart

import (
	"os"
	"strings"
	"testing"
)

func recordedLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/access/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
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

// What real programs have made is whole, and nothing of it is without its end
// or with a character changed in it.
func TestRecordedAccess(t *testing.T) {
	for _, hash := range recordedLines(t, "hashes.txt") {
		line := func(hash string) string { return "user --name=a --iscrypted --password='" + hash + "'" }
		if findings := lintLine(t, line(hash)); len(findings) > 0 {
			t.Errorf("%s: %+v", hash, findings)
		}
		for _, damaged := range []string{hash[:len(hash)-1], hash[:len(hash)-1] + "-"} {
			if strings.HasPrefix(hash, "$sha1$") && !strings.HasSuffix(damaged, "-") {
				continue // its length may vary
			}
			if findings := lintLine(t, line(damaged)); !hasRule(errorsOf(findings), "damaged-hash") {
				t.Errorf("%s: %+v", damaged, findings)
			}
		}
	}
	for _, key := range recordedLines(t, "keys.txt") {
		if p, _ := checkPublicKey(key); p.rule != nil {
			t.Errorf("%s: %s", key, p.text)
		}
		fields := strings.Fields(key)
		blob := fields[len(fields)-2]
		for _, damaged := range []string{blob[:len(blob)-4], blob[:len(blob)-1], blob[4:], "AAAA" + blob, blob[:40] + "!" + blob[41:]} {
			if p, severity := checkPublicKey(strings.Replace(key, blob, damaged, 1)); p.rule != ruleDamagedKey || severity != Error {
				t.Errorf("%s with %s: %+v", key, damaged, p)
			}
		}
		p, _ := checkPublicKey(blob + " comment")
		if p.rule != ruleDamagedKey || !strings.Contains(p.hint, "ssh-") && !strings.Contains(p.hint, "ecdsa-") {
			t.Errorf("%s without its type: %+v", key, p)
		}
	}
}

func FuzzPublicKey(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKp1")
	f.Add("AAAAB3NzaC1kc3MAAACB")
	f.Fuzz(func(t *testing.T, line string) {
		if p, severity := checkPublicKey(line); (p.rule == nil) != (severity == "") {
			t.Errorf("%+v, severity %q", p, severity)
		}
	})
}
