package render

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// certificate is one in PEM, and its private key.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func TestReach(t *testing.T) {
	cert, _ := certificate(t)
	const proxy = "http://anna:s%20t@proxy.example:3128"
	text, err := Kickstart(Options{
		RootPassword: DefaultRootPassword, Users: DefaultUsers(), Proxy: proxy, CA: append([]byte("# corp\n%end\n"), cert...),
		Source: Source{URL: "https://a.example/", Repos: []Repo{{"b", "http://b.example/"}, {"c", "file:///c"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"url --url=https://a.example/ --proxy=" + proxy + "\n", "--baseurl=http://b.example/ --proxy=" + proxy + "\n", "--baseurl=file:///c\n",
		"%pre --erroronfail\nset -e\nmkdir -p /etc/pki/ca-trust/source/anchors\n", "<<'END'\n" + string(cert) + "END\nupdate-ca-trust\n%end\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if bytes.Contains(text, []byte("# corp")) {
		t.Error("what is no certificate is in the kickstart")
	}
}

// The proxy's script, run by the host's shell.
func TestProxyInDNF(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("runs GNU sed")
	}
	conf := filepath.Join(t.TempDir(), "etc", "dnf.conf")
	scripts, err := Reach("http://anna:s%20t@proxy.example:3128", nil)
	if err != nil || len(scripts) != 1 {
		t.Fatalf("%v, %v", scripts, err)
	}
	script := strings.NewReplacer("/etc/dnf/dnf.conf", conf, "mkdir -p /etc/dnf", "mkdir -p "+filepath.Dir(conf)).Replace(scripts[0].Text)
	for _, c := range []struct{ before, want string }{
		{"", "[main]\nproxy=http://anna:s%20t@proxy.example:3128\n"},
		{"[main]\nbest=True\n[other]\n", "[main]\nproxy=http://anna:s%20t@proxy.example:3128\nbest=True\n[other]\n"},
	} {
		if c.before != "" {
			if err := os.WriteFile(conf, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, err := os.ReadFile(conf); err != nil || string(got) != c.want {
			t.Errorf("%v: %q, want %q", err, got, c.want)
		}
	}
}

func TestReachRefuses(t *testing.T) {
	for _, proxy := range []string{"proxy:3128", "socks5://a:1", "http://", "http://a:1/path", "http://a b:1", "http://a'b:1", "http://u:$p@a:1", "http://localhost:3128", "http://127.0.0.2:1", "http://[::1]:1"} {
		if _, err := Reach(proxy, nil); !errors.Is(err, ErrOption) || strings.Contains(err.Error(), "$p") {
			t.Errorf("proxy %s: %v", proxy, err)
		}
	}
	cert, key := certificate(t)
	for name, ca := range map[string][]byte{"text": []byte("hello"), "a private key": append(cert, key...), "a damaged one": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})} {
		if _, err := Reach("", ca); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
