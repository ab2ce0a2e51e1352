package kickstart_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

const canary = "c4n4ry"

// factsTable is the reference implementation's own list of commands.
type factsTable struct {
	Commands map[string]struct {
		Status  string
		Options []struct {
			Names      []string
			TakesValue bool `json:"takes_value"`
			Positional bool
		}
	}
}

func readFacts(t *testing.T) factsTable {
	t.Helper()
	data, err := os.ReadFile("../testdata/kickstart/kickstart-rhel10.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts factsTable
	if err := json.Unmarshal(data, &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestRedactEverySecretOption puts a canary into every option of the table
// that holds a secret, in every way in which it can be written.
func TestRedactEverySecretOption(t *testing.T) {
	secret := regexp.MustCompile(`pass$|password$|passphrase$|wepkey$|wpakey$|activation-key$`)
	url := regexp.MustCompile(`url$|proxy$|mirrorlist$|metalink$|escrowcert$|sslcacert$|sslclientcert$|sslclientkey$`)
	seen := 0
	check := func(line string) {
		t.Helper()
		seen++
		got := string(kickstart.Redact([]byte("text\n" + line + "\npoweroff\n")))
		if strings.Contains(got, canary) || !strings.HasPrefix(got, "text\n") || !strings.HasSuffix(got, "\npoweroff\n") ||
			strings.Count(got, "\n") != 3 || !strings.Contains(got, kickstart.Redacted) {
			t.Errorf("%s\nbecame %q", line, got)
		}
	}
	for command, c := range readFacts(t).Commands {
		for _, o := range c.Options {
			for _, name := range o.Names {
				switch {
				case o.TakesValue && secret.MatchString(name):
					check(command + " " + name + "=" + canary)
					check(command + " " + name + " " + canary)
					check(command + " " + name + `="a b ` + canary + `" --x`)
					check(command + " " + name + `='a b ` + canary + ` open`)
					check(command + " " + name + "=ab#" + canary)
					check(command + " " + name + `="` + canary + `"`)
					check("# " + command + " " + name + "=" + canary)
					check("  " + command + "\t" + name[:len(name)-1] + "=" + canary)
				case o.TakesValue && url.MatchString(name):
					check(command + " " + name + "=https://somebody:" + canary + "@example.org/x")
					check(command + " " + name + " http://" + canary + "@example.org")
					check(command + " " + name + "=https://a:b/" + canary + "@example.org/x")
				}
			}
		}
	}
	if seen < 150 {
		t.Errorf("only %d cases: the table was not read as meant", seen)
	}
	for _, line := range []string{
		"rootpw " + canary,
		"rootpw --plaintext " + canary + " # was " + canary,
		`rootpw "it is ` + canary + `"`,
		"rootpw --iscrypted $6$salt$" + canary,
		"rootpw -" + canary,
		"sshpw --username=root " + canary,
		"sshpw --username root --plaintext " + canary,
		"sshpw --username root --sshkey ssh-ed25519 " + canary,
		"sshkey --username=root \"ssh-ed25519 " + canary + "\"",
		"realm join --one-time-password=" + canary + " example.org",
		"realm join --one-time-password " + canary + " example.org",
		"vnc --password=" + canary,
		"authconfig --enablekrb5 --krb5pass=" + canary,
		"%include https://u:" + canary + "@example.org/x.ks",
		"%ksappend https://u:" + canary + "@example.org/x.ks",
		`bootloader --append="quiet inst.rdp.password=` + canary + ` x"`,
		"#rootpw " + canary,
		"## user --name=x --password=" + canary,
	} {
		check(line)
	}
}

func TestRedactText(t *testing.T) {
	for _, line := range []string{
		"echo root:" + canary + " | chpasswd",
		"printf '%s' " + canary + " | passwd --stdin root",
		"chpasswd <<< root:" + canary,
		"chpasswd <<EOF\nroot:" + canary + "\nEOF",
		"cat <<'E' | chpasswd\nroot:x\nE\nPASSWORD=" + canary,
		"chpasswd <<-\"EOF\"\n\troot:" + canary + "\n\tEOF",
		"DB_PASSWORD='a " + canary + "'",
		"export token=" + canary + "; true",
		`{"password": "` + canary + `"}`,
		"password: " + canary,
		"subscription-manager register --org=1 --activationkey=" + canary,
		"subscription-manager register --password " + canary,
		"curl -u somebody:" + canary + " https://example.org",
		"curl --user 'somebody:" + canary + "' https://example.org",
		"curl -H 'Authorization: Bearer " + canary + "' https://example.org",
		"curl 'https://example.org/?access_token=" + canary + "&x=1'",
		"git clone https://x-access-token:" + canary + "@example.org/x.git",
		"useradd -m -p " + canary + " somebody",
		"usermod -p '$6$abc$" + canary + "' root",
		"sshpass -p" + canary + " ssh host",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + canary + "\n" + canary + "\n-----END OPENSSH PRIVATE KEY-----",
		"echo 'ssh-ed25519 AAAA" + canary + " me' >authorized_keys",
		"set superusers; password_pbkdf2 root grub.pbkdf2.sha512.10000." + canary + ".AB",
	} {
		for _, section := range []string{"%post\n", "%pre --interpreter=/bin/bash\n", "%addon org_x\n", "%post\n# "} {
			if strings.HasSuffix(section, "# ") && strings.Contains(line, "\n") {
				continue
			}
			src := "text\n" + section + line + "\n%end\npoweroff\n"
			got := string(kickstart.Redact([]byte(src)))
			if strings.Contains(got, canary) || strings.Count(got, "\n") != strings.Count(src, "\n") || !strings.HasSuffix(got, "%end\npoweroff\n") {
				t.Errorf("%s\nbecame %q", src, got)
			}
		}
	}
}

func TestRedactKeepsTheRest(t *testing.T) {
	for _, src := range []string{
		"", "text\r\nlang C\r\n", "\ufefftext\n", "no end of line", "%packages\n@core\n-vim # no password\n%end\n",
		"url --url=https://example.org/x@y/\n", "part / --fstype=xfs --size=1 --label=pass\n", "user --name=password\n",
		"rootpw --lock\n", "sshkey --username=root\n", "%post\necho $? $1 $$ | cat\ncurl -fsS https://example.org | sh\npasswd -l root\n%end\n",
		"bootloader --iscrypted --append=\"console=ttyS0 rd.luks.key=/x\"\n", "%certificate --filename=x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n%end\n",
		"user --name=anna --homedir=/home/x --groups=wheel --lock\n", "network --device=link --essid=x\n",
	} {
		if got := string(kickstart.Redact([]byte(src))); got != src {
			t.Errorf("%q became %q", src, got)
		}
	}
	if got := string(kickstart.Redact(bytes.Repeat([]byte("x"), kickstart.MaxSize+1))); strings.Contains(got, "x") {
		t.Errorf("a file over the limit is shown: %.50q", got)
	}
}

func TestRedactExcerpt(t *testing.T) {
	for _, tc := range []struct {
		line     string
		from, to int
		want     string
		at       string // what the columns point at afterwards
	}{
		{"user --name=x --password=secret --bogus", 33, 40, "user --name=x --password=REDACTED --bogus", "--bogus"},
		{"user --name=x --password=secret --bogus", 6, 14, "user --name=x --password=REDACTED --bogus", "--name=x"},
		{"part / --bogus", 8, 15, "part / --bogus", "--bogus"},
		{"rootpw secret", 8, 14, "rootpw REDACTED", "REDACTED"},
	} {
		got, from, to := kickstart.RedactExcerpt(tc.line, tc.from, tc.to)
		if got != tc.want || got[from-1:to-1] != tc.at {
			t.Errorf("%q: got %q, columns %d to %d", tc.line, got, from, to)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte("rootpw secret\n%post\necho x | chpasswd\n%end"))
	f.Add([]byte("user --password=\"a\\\n# rootpw 'x\r\n-----BEGIN PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		once := kickstart.Redact(src)
		if len(src) <= kickstart.MaxSize && countLines(once) != countLines(src) {
			t.Fatalf("%d lines became %d: %q to %q", countLines(src), countLines(once), src, once)
		}
		if !bytes.Contains(src, []byte(canary)) {
			line := append([]byte("rootpw "+canary+"\n"), src...)
			if bytes.Contains(kickstart.Redact(line), []byte(canary)) {
				t.Errorf("the password is shown")
			}
		}
		kickstart.RedactExcerpt(string(src), 1, 5)
	})
}

func BenchmarkRedact(b *testing.B) {
	src := bytes.Repeat([]byte("user --name=anna --password=secret --groups=wheel\npart / --size=1000 --grow # comment\necho hello\n"), 3_400)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		kickstart.Redact(src)
	}
}

func countLines(src []byte) int {
	n := 0
	for len(src) > 0 {
		_, src = kickstart.CutLine(src)
		n++
	}
	return n
}
