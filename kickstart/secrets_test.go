package kickstart_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

func TestSecrets(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string
	}{
		{"lang en_US.UTF-8\n", nil},
		{"rootpw --plaintext hunter22\n", []string{"hunter22"}},
		{"rootpw --plaintext \"hunter 22\"\n", []string{`"hunter 22"`, "hunter 22"}},
		{"rootpw --iscrypted $6$salt$hash\n", []string{"$6$salt$hash"}},
		{"user --name=a --password='x y' --groups=wheel\n", []string{`'x y'`, "x y"}},
		{"repo --name=r --baseurl=https://me:geheim@example.org/r\n", []string{"geheim", "me:geheim"}},
		{"# rootpw --plaintext oldsecret\n", []string{"oldsecret"}},
		{"%post\necho root:frompost | chpasswd\n%end\n", []string{"frompost", "root:frompost"}},
		{"%post\nchpasswd <<EOF\nroot:heredoc\nEOF\n%end\n", []string{"heredoc", "root:heredoc"}},
		{"sshkey --username=root \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host\"\n", []string{"AAAAC3NzaC1lZDI1NTE5", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host"}},
		{"rootpw REDACTED\n", nil},
	} {
		got := kickstart.Secrets([]byte(c.src))
		for _, w := range c.want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %q is missing in %q", c.src, w, got)
			}
		}
		if len(c.want) == 0 && len(got) > 0 {
			t.Errorf("%q: secrets %q, want none", c.src, got)
		}
	}
	if got := kickstart.Secrets(make([]byte, kickstart.MaxSize+1)); got != nil {
		t.Errorf("%d secrets of a file that is too large", len(got))
	}
}

// Secrets names only what is in the file, and nothing where Redact hides nothing.
func FuzzSecrets(f *testing.F) {
	f.Add([]byte("rootpw --plaintext hunter22\nuser --name=a --password=\"x y\" # rest\n%post\necho a:b | chpasswd\n%end\n"))
	f.Add([]byte("rootpw a#b\r\nsshkey --username=root \"ssh-rsa AAAAB3NzaC1yc2E= x\"\n"))
	f.Add([]byte("bootloader --password=\"a b\" --append=\"inst.rdp.password=q http://u:p@h/\"\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		secrets := kickstart.Secrets(src)
		was, is := string(src), string(kickstart.Redact(src))
		if was == is && len(secrets) > 0 {
			t.Fatalf("secrets %q of a file in which Redact hides nothing", secrets)
		}
		for _, secret := range secrets {
			if secret == "" || secret == kickstart.Redacted {
				t.Fatalf("%q is no secret", secret)
			}
		}
		// Where nothing is quoted or escaped, each value stands in the file.
		if strings.ContainsAny(was, "\"'\\") {
			return
		}
		for _, secret := range secrets {
			if !strings.Contains(was, secret) {
				t.Fatalf("%q is not in %q", secret, was)
			}
		}
	})
}
