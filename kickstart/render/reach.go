// How the installer and the new system reach servers: by a proxy, and whose
// certificates they trust.

package render

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// "http://user:password@proxy.example:3128", without what a shell, a kernel's command
// line or dnf.conf would take for its own
var proxyForm = regexp.MustCompile("^https?://[^\\s\"'`$#\\\\]+$")

// CheckProxy refuses an address of a proxy that the installer or dnf would not
// understand, or that is not where it is meant to be; the error is ErrOption.
func CheckProxy(proxy string) error {
	u, err := url.Parse(proxy)
	if err != nil || !proxyForm.MatchString(proxy) || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return refuse("proxy", "", "write it as in \"http://proxy.example:3128\"; other characters of a password as %%XX")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return refuse("proxy", u.Host, "is the guest itself; it reaches the host that it runs on as 10.0.2.2")
	}
	return nil
}

// CheckCA refuses what is no list of certificates in PEM, a private key above all;
// the error is ErrOption.
func CheckCA(text []byte) error {
	_, err := certificates(text)
	return err
}

// certificates are those of a PEM file and nothing else of it.
func certificates(text []byte) ([]byte, error) {
	var clean bytes.Buffer
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, refuse("certificates", "", "there is a private key among them: give the certificates alone")
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return nil, refuse("certificates", "", "%s number %d cannot be read as one", block.Type, bytes.Count(clean.Bytes(), []byte("-----BEGIN"))+1)
		}
		if err := pem.Encode(&clean, &pem.Block{Type: block.Type, Bytes: block.Bytes}); err != nil {
			return nil, err
		}
	}
	if clean.Len() == 0 {
		return nil, refuse("certificates", "", "there is none: give a PEM file, which begins \"-----BEGIN CERTIFICATE-----\"")
	}
	return clean.Bytes(), nil
}

// Reach are the scripts by which the new system, and for certificates the installer
// before it fetches anything, uses a proxy and trusts the certificates of a PEM file;
// "" and nil: none. Errors are those of CheckProxy and CheckCA.
func Reach(proxy string, ca []byte) (all []Script, err error) {
	if len(ca) > 0 {
		clean, err := certificates(ca)
		if err != nil {
			return nil, err
		}
		// %certificate runs no update-ca-trust before Anaconda 40.22.3.57.
		text := "set -e\nmkdir -p /etc/pki/ca-trust/source/anchors\n" +
			"cat >/etc/pki/ca-trust/source/anchors/imgasm.pem <<'END'\n" + string(clean) + "END\nupdate-ca-trust\n"
		all = append(all, Script{Name: "certificates, for the installer", Text: text, Pre: true}, Script{Name: "certificates", Text: text})
	}
	if proxy != "" {
		if err := CheckProxy(proxy); err != nil {
			return nil, err
		}
		all = append(all, Script{Name: "proxy", Text: fmt.Sprintf(`set -e
conf=/etc/dnf/dnf.conf
[ -e "$conf" ] || { mkdir -p /etc/dnf && echo '[main]' >"$conf"; }
sed -i '/^\[main\]/a proxy=%s' "$conf"
`, proxy)})
	}
	return all, nil
}
