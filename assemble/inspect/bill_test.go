package inspect_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/sbom"
)

// described is the bill of materials of a disk with one ext4 of these files.
func described(t *testing.T, files map[string]string) (d sbom.Document) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	disk := blank(t, 16<<20)
	run(t, "mke2fs", "e2fsprogs", "", "-q", "-t", "ext4", "-d", root, disk)
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := inspect.Open(f, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	m.Describe(&d)
	return d
}

func TestDescribe(t *testing.T) {
	packed, err := os.Open("../rpmdb/testdata/rpmdb.sqlite.gz") // that rpm made
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	release := "ID=almalinux\nVERSION_ID=\"10.0\"\nPRETTY_NAME='AlmaLinux 10.0'\nCPE_NAME=\"cpe:/o:almalinux:almalinux:10::baseos\"\nHOME_URL=\"https://almalinux.org/\"\n"
	const rpmdb = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	for name, test := range map[string]struct {
		files   map[string]string
		want    string // the first package
		count   int
		unknown string
	}{
		"rpm": {map[string]string{"etc/os-release": release, rpmdb: string(db)},
			"pkg:rpm/almalinux/kernel-core@6.12.0-55.9.1.el10?arch=x86_64&distro=almalinux-10.0&upstream=kernel-core-6.12.0-55.9.1.el10.src.rpm", 5, ""},
		"dpkg":    {map[string]string{"etc/os-release": release, "var/lib/dpkg/status": rootFiles["var/lib/dpkg/status"]}, "pkg:deb/almalinux/adduser@3.1?arch=all&distro=almalinux-10.0", 2, ""},
		"damaged": {map[string]string{"etc/os-release": release, rpmdb: string(db[:8192])}, "", 0, "damaged RPM database"},
		"nix": {map[string]string{"nix/var/nix/profiles/system/etc/os-release": release, "nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-glibc-2.40-66-bin/x": "x",
			"nix/store/0bai883gsrhdj7yb050ar0lnpr26a29j-glibc-2.40-66/x": "x", "nix/store/1bai883gsrhdj7yb050ar0lnpr26a29j-unit-sshd.service/x": "x"},
			"pkg:nix/glibc@2.40-66?distro=almalinux-10.0", 1, ""},
		"none":     {map[string]string{"etc/os-release": release}, "", 0, "neither RPM's database nor dpkg's"},
		"old kind": {map[string]string{"etc/os-release": release, "var/lib/rpm/Packages": ""}, "", 0, "Berkeley DB"},
	} {
		d := described(t, test.files)
		if want := (sbom.OS{ID: "almalinux", VersionID: "10.0", PrettyName: "AlmaLinux 10.0", CPEName: "cpe:/o:almalinux:almalinux:10::baseos", HomeURL: "https://almalinux.org/"}); d.OS != want {
			t.Errorf("%s: %+v", name, d.OS)
		}
		if len(d.Packages) != test.count || !strings.Contains(d.Unknown, test.unknown) || (d.Unknown == "") != (test.unknown == "") {
			t.Errorf("%s: %d packages, %q", name, len(d.Packages), d.Unknown)
		} else if test.count > 0 && d.Packages[0].PURL(d.OS) != test.want {
			t.Errorf("%s: %s", name, d.Packages[0].PURL(d.OS))
		}
	}
}
