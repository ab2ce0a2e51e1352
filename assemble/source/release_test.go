package source

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/fault"
)

func sums(names ...string) []Sum {
	var out []Sum
	for _, n := range names {
		out = append(out, Sum{Name: n, SHA256: strings.Repeat("a", 64), SizeBytes: 1})
	}
	return out
}

func TestChoose(t *testing.T) {
	all := sums(
		"AlmaLinux-10-latest-x86_64-boot.iso", "AlmaLinux-10.1-x86_64-boot.iso", "AlmaLinux-10.10-x86_64-boot.iso", "AlmaLinux-10.9-x86_64-boot.iso",
		"AlmaLinux-10.10-x86_64_v2-boot.iso", "AlmaLinux-10.10-x86_64-dvd.iso", "AlmaLinux-10.11-beta-1-x86_64-boot.iso", "AlmaLinux-10-latest-aarch64-boot.iso")
	kitten := sums("AlmaLinux-Kitten-10-latest-aarch64-dvd.iso", "AlmaLinux-Kitten-10-20250813.0-aarch64-dvd.iso", "AlmaLinux-Kitten-10-20250813.1-aarch64-dvd.iso", "AlmaLinux-Kitten-10-20241018.0-aarch64-dvd.iso")
	for _, c := range []struct {
		req  Request
		sums []Sum
		want string
		urls []string
	}{
		{Request{}, all, "AlmaLinux-10.10-x86_64-boot.iso", []string{
			"https://repo.almalinux.org/almalinux/10.10/isos/x86_64/AlmaLinux-10.10-x86_64-boot.iso",
			"https://repo.almalinux.org/almalinux/10/isos/x86_64/AlmaLinux-10.10-x86_64-boot.iso",
			"https://vault.almalinux.org/10.10/isos/x86_64/AlmaLinux-10.10-x86_64-boot.iso"}},
		{Request{Version: "10.1"}, all, "AlmaLinux-10.1-x86_64-boot.iso", []string{
			"https://repo.almalinux.org/almalinux/10.1/isos/x86_64/AlmaLinux-10.1-x86_64-boot.iso",
			"https://vault.almalinux.org/10.1/isos/x86_64/AlmaLinux-10.1-x86_64-boot.iso"}},
		{Request{Arch: "x86_64_v2"}, all, "AlmaLinux-10.10-x86_64_v2-boot.iso", nil},
		{Request{Arch: "aarch64"}, all, "AlmaLinux-10-latest-aarch64-boot.iso", []string{
			"https://repo.almalinux.org/almalinux/10/isos/aarch64/AlmaLinux-10-latest-aarch64-boot.iso"}},
		{Request{Variant: "dvd", Mirror: "http://m/"}, all, "AlmaLinux-10.10-x86_64-dvd.iso", []string{
			"http://m/10.10/isos/x86_64/AlmaLinux-10.10-x86_64-dvd.iso", "http://m/10/isos/x86_64/AlmaLinux-10.10-x86_64-dvd.iso",
			"https://vault.almalinux.org/10.10/isos/x86_64/AlmaLinux-10.10-x86_64-dvd.iso"}},
		{Request{Version: "10-Kitten", Arch: "aarch64", Variant: "dvd"}, kitten, "AlmaLinux-Kitten-10-20250813.1-aarch64-dvd.iso", []string{
			"https://kitten.repo.almalinux.org/10-kitten/isos/aarch64/AlmaLinux-Kitten-10-20250813.1-aarch64-dvd.iso"}},
		{Request{Version: "10.3"}, all, "", nil},
		{Request{Version: "kitten"}, all, "", nil},
	} {
		r, err := c.req.normal()
		if err != nil {
			t.Fatal(err)
		}
		rel, err := choose(r, r.isoDirs()[0], c.sums)
		if c.want == "" {
			if !errors.Is(err, ErrRequest) || fault.Hint(err, flags) == "" || !strings.Contains(err.Error(), "10.10-x86_64-dvd") {
				t.Errorf("%+v: %v", c.req, err)
			}
			continue
		}
		if err != nil || rel.Name != c.want {
			t.Errorf("%+v: %+v, %v; want %s", c.req, rel, err, c.want)
			continue
		}
		if c.urls != nil && !slices.Equal(rel.URLs, c.urls) {
			t.Errorf("%+v: addresses\n%s\nwant\n%s", c.req, strings.Join(rel.URLs, "\n"), strings.Join(c.urls, "\n"))
		}
	}
}

func TestRequestRefused(t *testing.T) {
	for _, r := range []Request{
		{Version: "9"}, {Version: "11"}, {Version: "10.x"}, {Version: "10.2.1"}, {Version: "../10"}, {Arch: "riscv64"}, {Variant: "netinst"},
		{URL: "ftp://x/y.iso"}, {URL: "file.iso"}, {URL: "https:///x"}, {URL: "https://x/y.iso", SHA256: "123"}, {Mirror: "nowhere"}, {Vault: "ftp://x"},
	} {
		if _, err := r.normal(); !errors.Is(err, ErrRequest) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestNameOfURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://x/a/b.iso?x=y":       "b.iso",
		"https://x/":                  "installer.iso",
		"https://x/a%2f..%2fb.iso":    "b.iso",
		"https://x/%00.iso":           "installer.iso",
		"https://x/.hidden":           "installer.iso",
		"https://x/record.json":       "installer.iso",
		`https://x/a\b.iso`:           "installer.iso",
		"https://x/isos/my%20own.iso": "installer.iso",
	} {
		if got := nameOfURL(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
